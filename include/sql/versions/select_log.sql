-- Purpose:    the versions of the memory, newest first: batches and imports, and what else changed it.
-- Grain:      one row a version and store.
-- Reads:      ops.batch, ops.slice, ops.journal
-- Parameters: store (text, null: all), most (integer)
-- Repeatable: yes; reads only.
-- Returns:    at, kind, id (batch or journal entry), partition_date, state, who, store, new, updated, removed (units; null:
--             not told)
with loads as (
    select
        max(slice.settled_at) as at, batch.kind, batch.batch_id as id, batch.partition_date, batch.state,
        batch.run_id as who, slice.store,
        sum(coalesce((slice.outcomes ->> 'new')::bigint, 0))::bigint as new,
        sum(coalesce((slice.outcomes ->> 'updated')::bigint, 0))::bigint as updated,
        sum(slice.removed)::bigint as removed
    from ops.batch as batch
    join ops.slice as slice using (batch_id)
    where slice.settled_at is not null
    group by batch.batch_id, slice.store
),

changes as (
    select
        journal.at, journal.kind, coalesce(journal.facts ->> 'batch_id', journal.id::text) as id,
        (journal.facts ->> 'date')::date as partition_date, 'done' as state, journal.who, journal.store,
        (journal.facts ->> 'inserted')::bigint as new, null::bigint as updated,
        (journal.facts ->> 'removed')::bigint as removed
    from ops.journal as journal
    where journal.kind <> 'import'
)

select version.*
from (select loads.* from loads union all select changes.* from changes) as version
where %(store)s::text is null or version.store = %(store)s or %(store)s = any(string_to_array(version.store, ', '))
order by version.at desc, version.id desc, version.store
limit %(most)s;
