-- Purpose:    enter a replayed journal entry under its own number: it lies in object storage already.
-- Writes:     ops.journal
-- Parameters: id (bigint), at (time), kind (text), who (text), store (text), facts (jsonb), uri (text)
-- Repeatable: yes.
insert into ops.journal (id, at, kind, who, store, facts, uri, shipped_at)
overriding system value
values (%(id)s, %(at)s, %(kind)s, %(who)s, %(store)s, %(facts)s, %(uri)s, now())
on conflict (id) do nothing;
