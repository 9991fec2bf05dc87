-- Purpose:    enter rows of ops.ledger as they were.
-- Writes:     ops.ledger
-- Parameters: rows (json, an array of rows)
-- Repeatable: yes; a row that is there stays as it is.
insert into ops.ledger
select * from jsonb_populate_recordset(null::ops.ledger, %(rows)s)
on conflict do nothing;
