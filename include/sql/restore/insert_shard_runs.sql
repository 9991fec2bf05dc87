-- Purpose:    enter rows of ops.shard_run as they were.
-- Writes:     ops.shard_run
-- Parameters: rows (json, an array of rows)
-- Repeatable: yes; a row that is there stays as it is.
insert into ops.shard_run
select * from jsonb_populate_recordset(null::ops.shard_run, %(rows)s)
on conflict do nothing;
