-- Purpose:    the batches that the live memory has loaded, and when: what a restore must bring back.
-- Grain:      one row a batch.
-- Reads:      ops.batch, ops.slice
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    batch_id, generation, at
select batch.batch_id, batch.generation, max(slice.settled_at) as at
from ops.batch as batch
inner join ops.slice as slice on slice.batch_id = batch.batch_id
where batch.kind = 'refresh' and slice.settled_at is not null and batch.state <> 'planned'
group by batch.batch_id, batch.generation;
