-- Purpose:    enter rows of quality.metric as they were.
-- Writes:     quality.metric
-- Parameters: rows (json, an array of rows)
-- Repeatable: yes; a row that is there stays as it is.
insert into quality.metric
select * from jsonb_populate_recordset(null::quality.metric, %(rows)s)
on conflict do nothing;
