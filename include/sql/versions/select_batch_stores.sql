-- Purpose:    the stores of a batch.
-- Reads:      ops.slice, tm.store
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    store_id, name
select store.store_id, store.name
from tm.store as store
where store.name in (select slice.store from ops.slice as slice where slice.batch_id = %(batch_id)s)
order by store.store_id;
