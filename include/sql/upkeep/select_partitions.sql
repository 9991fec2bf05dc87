-- Purpose:    list the months of the books: partitions, half detached ones, and tables on their way to object storage.
-- Grain:      one row a table.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    parent, name, schema, month, state (attached, pending, detached or away); oldest first
select
    matched.parts[1] as parent,
    class.relname::text as name,
    namespace.nspname::text as schema,
    to_date(matched.parts[2], 'YYYYMM') as month,
    case
        when namespace.nspname = 'away' then 'away'
        when link.inhrelid is null then 'detached'
        when link.inhdetachpending then 'pending'
        else 'attached'
    end as state
from pg_class as class
join pg_namespace as namespace on namespace.oid = class.relnamespace
left join pg_inherits as link on link.inhrelid = class.oid
cross join lateral regexp_match(class.relname, '^(file|document|outcome|shard_run)_(\d{6})$') as matched (parts)
where namespace.nspname in ('ops', 'away') and class.relkind = 'r' and matched.parts is not null
order by month, name;
