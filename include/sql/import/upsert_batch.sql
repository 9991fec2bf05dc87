-- Purpose:    begin an import, or the same one again after something newer replaced it.
-- Grain:      one row of ops.batch per batch_id.
-- Writes:     ops.batch
-- Parameters: batch_id (text), day (date), run_id (text), versions (jsonb)
-- Repeatable: yes; each call makes it the newest.
insert into ops.batch (batch_id, partition_date, state, run_id, versions, kind)
values (%(batch_id)s, %(day)s, 'planned', %(run_id)s, %(versions)s, 'import')
on conflict (batch_id) do update
    set
        partition_date = excluded.partition_date,
        generation = nextval('ops.generation'),
        state = 'planned',
        run_id = excluded.run_id,
        versions = excluded.versions,
        planned_at = now(),
        done_at = null;
