-- Purpose:    how many units a memory holds, for the preview of a swap.
-- Grain:      one row.
-- Reads:      tm.store, tm.unit
-- Parameters: none
-- Repeatable: yes; reads only. 0.1 s a million units.
-- Returns:    units
select coalesce(sum(counted.units), 0)::bigint as units
from tm.store as store
cross join lateral (select count(*) as units from tm.unit as unit where unit.store_id = store.store_id) as counted;
