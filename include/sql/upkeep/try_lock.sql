-- Purpose:    let one process at a time look after the database; the lock ends with its connection.
-- Parameters: none
-- Repeatable: yes.
-- Returns:    locked
select pg_try_advisory_lock(7245020) as locked;
