-- Purpose:    the tables whose rows a backup holds: leaves of partitioned ones, none of staging.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    schema, name
select namespace.nspname as schema, class.relname as name
from pg_class as class
inner join pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relkind = 'r' and namespace.nspname in ('tm', 'ops', 'quality', 'review', 'away')
order by namespace.nspname, class.relname;
