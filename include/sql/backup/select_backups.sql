-- Purpose:    what the books say of the backups.
-- Grain:      one row a backup that is not deleted.
-- Reads:      ops.backup
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    uri, state, seconds
select uri, state, seconds from ops.backup where state <> 'deleted' order by taken_at;
