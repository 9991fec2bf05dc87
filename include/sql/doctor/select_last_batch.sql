-- Purpose:    say how far the batch planned last has come.
-- Grain:      at most one row.
-- Reads:      ops.batch, ops.step
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    batch_id, partition_date, state, run_id, planned_at, done_at, hours (since it was planned), step (finished last)
select
    batch.batch_id,
    batch.partition_date,
    batch.state,
    batch.run_id,
    batch.planned_at,
    batch.done_at,
    extract(epoch from now() - batch.planned_at)::double precision / 3600 as hours,
    (
        select step.step from ops.step as step
        where step.batch_id = batch.batch_id
        order by step.finished_at desc
        limit 1
    ) as step
from ops.batch as batch
where batch.kind = 'refresh'
order by batch.generation desc
limit 1;
