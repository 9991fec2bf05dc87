-- Purpose:    the journal's entries that this database has.
-- Reads:      ops.journal
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    id
select id from ops.journal;
