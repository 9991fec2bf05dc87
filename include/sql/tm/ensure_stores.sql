-- Purpose:    give every store of a batch its number.
-- Writes:     tm.store
-- Parameters: batch_id (text)
-- Repeatable: yes.
insert into tm.store (name)
select distinct slice.store
from ops.slice as slice
where slice.batch_id = %(batch_id)s and not exists (select from tm.store as known where known.name = slice.store)
order by slice.store
on conflict (name) do nothing;
