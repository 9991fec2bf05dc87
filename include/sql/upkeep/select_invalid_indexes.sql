-- Purpose:    find indexes that Postgres maintains and does not use: what a "create index concurrently" left that failed.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    name (with its schema)
select index.indexrelid::regclass::text as name
from pg_index as index
join pg_class as class on class.oid = index.indrelid
where
    class.relnamespace::regnamespace::text in ('tm', 'staging', 'review', 'quality', 'ops')
    and not index.indisvalid
order by name;
