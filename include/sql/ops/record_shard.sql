-- Purpose:    record what a shard ran on and how long it took.
-- Grain:      one row of ops.shard_run per (batch_id, tier, shard).
-- Writes:     ops.shard_run
-- Parameters: day (date), batch_id (text), tier (text), shard (integer), documents (bigint), seconds (double precision), attestation (jsonb)
-- Repeatable: yes; the last run counts.
insert into ops.shard_run (partition_date, batch_id, tier, shard, documents, seconds, attestation)
values (%(day)s, %(batch_id)s, %(tier)s, %(shard)s, %(documents)s, %(seconds)s, %(attestation)s)
on conflict (partition_date, batch_id, tier, shard) do update
    set documents = excluded.documents, seconds = excluded.seconds, attestation = excluded.attestation;
