-- Purpose:    end every session of a database: its clients connect again, to the database that has its name then.
-- Reads:      pg_stat_activity
-- Parameters: database (text)
-- Repeatable: yes.
-- Returns:    ended (sessions)
select count(*) filter (where pg_terminate_backend(activity.pid)) as ended
from pg_stat_activity as activity
where activity.datname = %(database)s and activity.pid <> pg_backend_pid();
