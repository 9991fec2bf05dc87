-- Purpose:    all that the books say of a batch that has been loaded, less what a load writes itself.
-- Grain:      one row.
-- Reads:      ops.batch, ops.slice, ops.step, ops.file, ops.shard_run, ops.ledger, quality.metric, quality.check_result, quality.decision
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    batch_id, partition_date, generation, loaded_at, and per table its rows as one JSON array
select
    batch.batch_id,
    batch.partition_date,
    batch.generation,
    coalesce((select max(slice.settled_at) from ops.slice as slice where slice.batch_id = batch.batch_id), now())
        as loaded_at,
    to_jsonb(batch) as batch,
    (select coalesce(jsonb_agg(one), '[]') from ops.slice as one where one.batch_id = batch.batch_id) as slices,
    (select coalesce(jsonb_agg(one), '[]') from ops.step as one where one.batch_id = batch.batch_id) as steps,
    (
        select coalesce(jsonb_agg(one), '[]')
        from ops.file as one
        where one.batch_id = batch.batch_id and one.partition_date = batch.partition_date
    ) as files,
    (
        select coalesce(jsonb_agg(one), '[]')
        from ops.shard_run as one
        where one.batch_id = batch.batch_id and one.partition_date = batch.partition_date
    ) as shard_runs,
    (select coalesce(jsonb_agg(one), '[]') from ops.ledger as one where one.batch_id = batch.batch_id) as ledger,
    (select coalesce(jsonb_agg(one), '[]') from quality.metric as one where one.batch_id = batch.batch_id) as metrics,
    (
        select coalesce(jsonb_agg(one), '[]')
        from quality.check_result as one
        where one.batch_id = batch.batch_id
    ) as checks,
    (select coalesce(jsonb_agg(one), '[]') from quality.decision as one where one.batch_id = batch.batch_id)
        as decisions
from ops.batch as batch
where batch.batch_id = %(batch_id)s;
