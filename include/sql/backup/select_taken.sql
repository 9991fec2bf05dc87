-- Purpose:    what the deadlines look at: the last good backups.
-- Grain:      one row a backup, newest first.
-- Reads:      ops.backup
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    taken_at, bytes, seconds
select taken_at, bytes, seconds from ops.backup where state = 'good' order by taken_at desc limit 30;
