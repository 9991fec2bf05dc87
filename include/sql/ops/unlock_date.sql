-- Purpose:    give a partition date free again.
-- Parameters: day (date)
-- Repeatable: yes; false if this connection does not hold it.
-- Returns:    unlocked
select pg_advisory_unlock(7245002, %(day)s::date - date '2000-01-01') as unlocked;
