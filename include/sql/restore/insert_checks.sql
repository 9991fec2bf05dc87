-- Purpose:    enter rows of quality.check_result as they were.
-- Writes:     quality.check_result
-- Parameters: rows (json, an array of rows)
-- Repeatable: yes; a row that is there stays as it is.
insert into quality.check_result
select * from jsonb_populate_recordset(null::quality.check_result, %(rows)s)
on conflict do nothing;
