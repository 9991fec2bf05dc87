-- Purpose:    hold a store as a load does, unless somebody holds it already.
-- Parameters: store_id (integer)
-- Repeatable: yes; the lock ends with the transaction.
-- Returns:    locked
select pg_try_advisory_xact_lock(7245003, %(store_id)s) as locked;
