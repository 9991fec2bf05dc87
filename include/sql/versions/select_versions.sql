-- Purpose:    what is known of a batch or an import, its kind included.
-- Reads:      ops.batch
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    no row, or batch_id, partition_date, generation, state, kind, run_id
select batch.batch_id, batch.partition_date, batch.generation, batch.state, batch.kind, batch.run_id
from ops.batch as batch
where batch.batch_id = %(batch_id)s;
