-- Purpose:    what there is to back up: since when, and how much.
-- Grain:      one row.
-- Reads:      ops.batch, tm.store, tm.unit
-- Parameters: none
-- Repeatable: yes; reads only. Counts every unit: 0.1 s a million.
-- Returns:    began (when the first batch was planned that has been loaded; null: none yet; 1970 where its
--             record is archived), units
select
    coalesce(
        (select min(batch.planned_at) from ops.batch as batch where batch.state in ('loaded', 'done')),
        case when held.units > 0 then to_timestamp(0) end
    ) as began,
    held.units
from (
    select coalesce(sum(counted.units), 0)::bigint as units
    from tm.store as store
    cross join lateral (select count(*) as units from tm.unit as unit where unit.store_id = store.store_id) as counted
) as held;
