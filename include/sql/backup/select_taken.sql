-- Purpose:    what the deadlines look at: the good backups of the last two weeks before the newest one, and how many
--             units the memory should hold now by each of them.
-- Grain:      one row a backup, newest first.
-- Reads:      ops.backup, ops.drill, ops.slice, ops.journal
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    uri, taken_at, bytes, seconds, units (in it), rows (of all its tables), change (units that loads,
--             roll-backs and erasures have added since, less those that they removed), is_proven (by a drill)
with taken as materialized (
    select
        backup.uri,
        backup.taken_at,
        backup.bytes,
        backup.seconds,
        (select coalesce(sum((store.value ->> 'units')::bigint), 0) from jsonb_each(backup.counts -> 'stores') as store)
            as units,
        (select coalesce(sum((part.value ->> 'rows')::bigint), 0) from jsonb_each(backup.counts -> 'tables') as part)
            as rows
    from ops.backup as backup
    where
        backup.state = 'good'
        and backup.taken_at >= (
            select max(newest.taken_at) from ops.backup as newest where newest.state = 'good'
        ) - interval '14 days'
),

change as materialized (
    select slice.settled_at as at, coalesce((slice.outcomes ->> 'new')::bigint, 0) - slice.removed as units
    from ops.slice as slice
    where slice.settled_at >= (select min(taken.taken_at) from taken)
    union all
    select
        journal.at,
        coalesce((journal.facts ->> 'inserted')::bigint, 0) - coalesce((journal.facts ->> 'removed')::bigint, 0)
    from ops.journal as journal
    where journal.kind in ('rollback', 'erase') and journal.at >= (select min(taken.taken_at) from taken)
)

select
    taken.uri,
    taken.taken_at,
    taken.bytes,
    taken.seconds,
    taken.units::bigint as units,
    taken.rows::bigint as rows,
    (select coalesce(sum(change.units), 0) from change where change.at >= taken.taken_at)::bigint as change,
    exists(select from ops.drill as drill where drill.uri = taken.uri and drill.is_passed) as is_proven
from taken
order by taken.taken_at desc;
