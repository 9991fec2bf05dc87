-- Purpose:    let one step at a time work on a partition date; the lock ends with its connection.
-- Parameters: day (date)
-- Repeatable: yes; each success needs its own ops/unlock_date.
-- Returns:    locked
select pg_try_advisory_lock(7245002, %(day)s::date - date '2000-01-01') as locked;
