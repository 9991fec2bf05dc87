-- Purpose:    the tables, with their partitions, whose dead rows and statistics may show an erased text.
-- Grain:      one row a table of the list that is here, a partition after its parent.
-- Parameters: names (text[], schema.table)
-- Repeatable: yes; reads only.
-- Returns:    schema, name, is_parent, may_clean (as this login)
select
    namespace.nspname::text as schema,
    class.relname::text as name,
    class.relkind = 'p' as is_parent,
    -- From Postgres 17 on the right can be given to others (maintain); before, vacuum is the owner's.
    pg_has_role(class.relowner, 'usage') as may_clean
from unnest(%(names)s::text[]) as given (name)
cross join pg_partition_tree(to_regclass(given.name)) as tree
join pg_class as class on class.oid = tree.relid
join pg_namespace as namespace on namespace.oid = class.relnamespace
union all
select namespace.nspname::text, class.relname::text, false, pg_has_role(class.relowner, 'usage')
from unnest(%(names)s::text[]) as given (name)
join pg_class as class on class.oid = to_regclass(given.name) and class.relkind = 'r' and not class.relispartition
join pg_namespace as namespace on namespace.oid = class.relnamespace
order by 1, 3 desc, 2;
