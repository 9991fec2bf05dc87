-- Purpose:    enter a batch as it was planned, with its number in the order of plans.
-- Grain:      one row of ops.batch per batch_id.
-- Writes:     ops.batch
-- Parameters: row (json, one row of ops.batch)
-- Repeatable: yes.
insert into ops.batch as known (
    batch_id, partition_date, generation, state, reprocess, run_id, versions, planned_at, kind
)
select
    given.batch_id, given.partition_date, given.generation, 'planned', given.reprocess, given.run_id, given.versions,
    given.planned_at, given.kind
from jsonb_populate_record(null::ops.batch, %(row)s) as given
on conflict (batch_id) do update
    set
        generation = excluded.generation,
        state = 'planned',
        reprocess = excluded.reprocess,
        run_id = excluded.run_id,
        versions = excluded.versions,
        planned_at = excluded.planned_at,
        done_at = null;
