-- Purpose:    enter rows of ops.step as they were.
-- Writes:     ops.step
-- Parameters: rows (json, an array of rows)
-- Repeatable: yes; a row that is there stays as it is.
insert into ops.step
select * from jsonb_populate_recordset(null::ops.step, %(rows)s)
on conflict do nothing;
