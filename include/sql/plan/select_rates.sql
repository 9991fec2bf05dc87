-- Purpose:    how fast each tier has worked lately.
-- Grain:      one row per tier that has worked.
-- Reads:      ops.shard_run, its newest 2,000 shards
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    tier, shards, documents, chars (of text on both sides), seconds (of wall time in the shards' commands)
with recent as (
    select run.tier, run.documents, run.seconds, (run.attestation -> 'coverage' ->> 'chars')::bigint as chars
    from ops.shard_run as run
    -- A shard that went on from another's documents tells less time than its text took.
    where run.attestation -> 'coverage' ->> 'chars' is not null and coalesce(run.attestation ->> 'resumed', '0') = '0'
    order by run.partition_date desc, run.batch_id, run.shard
    limit 2000
)

select
    recent.tier,
    count(*) as shards,
    sum(recent.documents)::bigint as documents,
    sum(recent.chars)::bigint as chars,
    sum(recent.seconds) as seconds
from recent
group by recent.tier;
