-- Purpose:    say what a verdict changed, pair of texts by pair of texts.
-- Writes:     review.change
-- Parameters: rows (jsonb)
--             an array of objects with the table's columns; hashes are hexadecimal, \x before them
-- Repeatable: no; rows are only added.
insert into review.change
select change.* from jsonb_populate_recordset(null::review.change, %(rows)s) as change;
