-- Purpose:    the databases whose names begin alike, and what is noted on each.
-- Grain:      one row a database, oldest first.
-- Reads:      pg_database
-- Parameters: prefix (text)
-- Repeatable: yes; reads only.
-- Returns:    name, note (the comment, "" without one), bytes
select
    database.datname as name,
    coalesce(shobj_description(database.oid, 'pg_database'), '') as note,
    pg_database_size(database.oid) as bytes
from pg_database as database
where starts_with(database.datname, %(prefix)s)
order by database.oid;
