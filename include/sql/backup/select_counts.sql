-- Purpose:    count what a backup holds, for its manifest and for the check of a restore.
-- Grain:      one row a store.
-- Reads:      tm.store, tm.unit, tm.evidence, tm.document
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    store, units, evidence, documents
select
    store.name as store,
    (select count(*) from tm.unit where unit.store_id = store.store_id) as units,
    (select count(*) from tm.evidence where evidence.store_id = store.store_id) as evidence,
    (select count(*) from tm.document where document.store_id = store.store_id) as documents
from tm.store as store
order by store.name;
