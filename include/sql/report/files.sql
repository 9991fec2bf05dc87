-- Purpose:    what became of the deposited files of a batch.
-- Reads:      ops.file
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    state, path, reason; one row a file
select file.state, file.path, file.reason
from ops.file as file
where file.partition_date = %(day)s and file.batch_id = %(batch_id)s
order by file.state, file.path;
