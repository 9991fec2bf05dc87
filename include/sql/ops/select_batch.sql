-- Purpose:    what is known of one batch.
-- Reads:      ops.batch
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    no row, or the batch's row
select batch_id, partition_date, generation, state, reprocess, run_id, versions, planned_at, done_at
from ops.batch
where batch_id = %(batch_id)s;
