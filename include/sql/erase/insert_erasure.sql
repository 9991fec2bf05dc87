-- Purpose:    note an erasure; the files of object storage are still to be gone through.
-- Writes:     ops.erasure
-- Parameters: journal_id (bigint), store (text), tombstones (bigint)
-- Repeatable: yes.
insert into ops.erasure (journal_id, store, tombstones)
values (%(journal_id)s, %(store)s, %(tombstones)s)
on conflict (journal_id) do nothing;
