-- Purpose:    bound the size of a dump: it holds tables without their indexes, compressed, and no staging.
-- Grain:      one row.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    bytes
select coalesce(sum(pg_table_size(class.oid)), 0)::bigint as bytes
from pg_class as class
inner join pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relkind in ('r', 'm', 'S')
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'staging');
