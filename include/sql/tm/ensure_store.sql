-- Purpose:    give a store its number.
-- Writes:     tm.store
-- Parameters: store (text)
-- Repeatable: yes.
insert into tm.store (name)
select %(store)s
where not exists (select from tm.store as known where known.name = %(store)s)
on conflict (name) do nothing;
