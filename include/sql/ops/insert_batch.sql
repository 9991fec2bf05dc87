-- Purpose:    plan a batch, or plan it again as its date's newest.
-- Grain:      one row of ops.batch per batch_id.
-- Writes:     ops.batch
-- Parameters: batch_id (text), day (date), run_id (text), versions (jsonb), reprocess (boolean)
-- Repeatable: yes; each call makes the batch the newest of its date.
-- Returns:    generation
insert into ops.batch (batch_id, partition_date, state, run_id, versions, reprocess)
values (%(batch_id)s, %(day)s, 'planned', %(run_id)s, %(versions)s, %(reprocess)s)
on conflict (batch_id) do update
    set
        generation = nextval('ops.generation'),
        state = 'planned',
        run_id = excluded.run_id,
        versions = excluded.versions,
        reprocess = excluded.reprocess,
        planned_at = now(),
        done_at = null
returning generation;
