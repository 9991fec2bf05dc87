-- Purpose:    the deposited files that a name means, in any batch.
-- Reads:      ops.file
-- Parameters: pattern (text)
-- Repeatable: yes; reads only.
-- Returns:    partition_date, batch_id, path, state, reason; newest first
select file.partition_date, file.batch_id, file.path, file.state, file.reason
from ops.file as file
where file.path like %(pattern)s
order by file.partition_date desc, file.path
limit 50;
