-- Purpose:    who is connected to a database.
-- Reads:      pg_stat_activity
-- Parameters: database (text)
-- Repeatable: yes; reads only.
-- Returns:    pid, who (role and application), state, since, is_mine (this role may end it)
select
    activity.pid,
    activity.usename || coalesce(' (' || nullif(activity.application_name, '') || ')', '') as who,
    coalesce(activity.state, 'unknown') as state,
    activity.state_change as since,
    pg_has_role(activity.usename, 'member') as is_mine
from pg_stat_activity as activity
where activity.datname = %(database)s and activity.pid <> pg_backend_pid() and activity.backend_type = 'client backend'
order by activity.backend_start;
