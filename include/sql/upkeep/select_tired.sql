-- Purpose:    find tables with so many dead rows that autovacuum is behind, and partitioned ones, whose common statistics
--             autovacuum never gathers.
-- Grain:      one row a table.
-- Parameters: dead (bigint), share (double precision)
-- Repeatable: yes; reads only.
-- Returns:    schema, name, dead, is_parent
select
    class.relnamespace::regnamespace::text as schema,
    class.relname::text as name,
    coalesce(stat.n_dead_tup, 0) as dead,
    class.relkind = 'p' as is_parent
from pg_class as class
left join pg_stat_all_tables as stat on stat.relid = class.oid
where
    class.relnamespace::regnamespace::text in ('tm', 'staging', 'review', 'quality', 'ops')
    and (
        class.relkind = 'p'
        or class.relkind = 'r'
        and stat.n_dead_tup >= %(dead)s
        and stat.n_dead_tup >= %(share)s * (stat.n_live_tup + stat.n_dead_tup)
    )
order by is_parent, schema, name;
