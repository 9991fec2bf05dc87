-- Purpose:    what the memory holds, by store.
-- Reads:      tm.unit, tm.store
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    store, units, pairs
select store.name as store, count(*) as units, count(distinct (unit.src_lang, unit.tgt_lang)) as pairs
from tm.unit as unit
join tm.store as store using (store_id)
group by store.name
order by store.name;
