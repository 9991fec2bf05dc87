-- Purpose:    the extensions that a restored database needs.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    name, version
select extname as name, extversion as version from pg_extension order by extname;
