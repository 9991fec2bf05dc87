-- Purpose:    hold a store as a load does (tm/lock_stores), so that one at a time indexes it.
-- Parameters: store_id (integer)
-- Repeatable: yes; the lock ends with the transaction.
select pg_advisory_xact_lock(7245003, %(store_id)s)::text as locked;
