-- Purpose:    enter rows of quality.decision as they were.
-- Writes:     quality.decision
-- Parameters: rows (json, an array of rows)
-- Repeatable: yes; a row that is there stays as it is.
insert into quality.decision
select * from jsonb_populate_recordset(null::quality.decision, %(rows)s)
on conflict do nothing;
