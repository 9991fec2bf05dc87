-- Purpose:    let one load at a time write a store; always in the order of their numbers, so that no two loads wait for
--             each other.
-- Reads:      tm.store, ops.slice
-- Parameters: batch_id (text)
-- Repeatable: yes; the locks end with the transaction.
-- Returns:    store_id
with wanted as materialized (
    select store.store_id
    from tm.store as store
    where store.name in (select slice.store from ops.slice as slice where slice.batch_id = %(batch_id)s)
    order by store.store_id
)
select wanted.store_id, pg_advisory_xact_lock(7245003, wanted.store_id)::text as locked from wanted;
