-- Purpose:    say which migrations a database has.
-- Reads:      ops.migration
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    number, sha256
select number, sha256 from ops.migration order by number;
