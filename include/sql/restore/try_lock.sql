-- Purpose:    one restore or swap of a database at a time, on the whole server.
-- Parameters: database (text)
-- Repeatable: no; the lock lives as long as the connection.
-- Returns:    locked
select pg_try_advisory_lock(7245004, hashtext(%(database)s)) as locked;
