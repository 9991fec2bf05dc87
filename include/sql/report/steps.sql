-- Purpose:    the finished steps of a batch with their seconds; the mapped tiers as the sum of their shards.
-- Reads:      ops.step, ops.shard_run
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    step, seconds, shards, finished_at; in the order of finishing
select step.step, step.seconds, null::bigint as shards, step.finished_at
from ops.step as step
where step.batch_id = %(batch_id)s
union all
select run.tier, sum(run.seconds), count(*), null
from ops.shard_run as run
where run.partition_date = %(day)s and run.batch_id = %(batch_id)s
group by run.tier
order by finished_at nulls last;
