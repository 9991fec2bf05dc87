-- Purpose:    the dates with documents that tier 2 should have aligned while it was down, and has not aligned since.
-- Grain:      one row per partition date's batch, the newest ten.
-- Reads:      ops.shard_run, ops.batch
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    partition_date, generation and state (of the batch), documents, reason (of one of its shards)
select
    run.partition_date,
    batch.generation,
    batch.state,
    sum(run.documents)::bigint as documents,
    max(run.attestation ->> 'unavailable') as reason
from ops.shard_run as run
join ops.batch as batch on batch.batch_id = run.batch_id and batch.state <> 'superseded'
where run.attestation ->> 'unavailable' is not null
group by run.partition_date, batch.generation, batch.state
order by run.partition_date desc
limit 10;
