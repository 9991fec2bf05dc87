-- Purpose:    say who works on a partition date.
-- Reads:      pg_locks, pg_stat_activity
-- Parameters: day (date)
-- Repeatable: yes; reads only.
-- Returns:    pid, who (the connection's application name), since
select activity.pid, activity.application_name as who, activity.backend_start as since
from pg_locks as held
join pg_stat_activity as activity on activity.pid = held.pid
where
    held.locktype = 'advisory'
    and held.granted
    and held.classid = 7245002
    and held.objid = (%(day)s::date - date '2000-01-01');
