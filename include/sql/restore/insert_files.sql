-- Purpose:    enter rows of ops.file as they were.
-- Writes:     ops.file
-- Parameters: rows (json, an array of rows)
-- Repeatable: yes; a row that is there stays as it is.
insert into ops.file
select * from jsonb_populate_recordset(null::ops.file, %(rows)s)
on conflict do nothing;
