-- Purpose:    every column of the database that can hold a text: of any schema and table, known to this project or not.
-- Grain:      one row a column; partitions are looked into through their table.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    schema, table_name, column_name, kind (text, bytes, json, list), owner (store_id, store, or ""), may_read
select
    namespace.nspname as schema,
    class.relname as table_name,
    attribute.attname as column_name,
    case
        when type.typname in ('json', 'jsonb') then 'json'
        when type.typname = 'bytea' then 'bytes'
        when type.typcategory = 'A' then 'list'
        else 'text'
    end as kind,
    coalesce(
        (
            select own.attname
            from pg_attribute as own
            where
                own.attrelid = class.oid
                and (
                    (own.attname = 'store_id' and own.atttypid = 'integer'::regtype)
                    or (own.attname = 'store' and own.atttypid = 'text'::regtype)
                )
            order by own.attname desc
            limit 1
        ),
        ''
    ) as owner,
    has_column_privilege(class.oid, attribute.attnum, 'select') as may_read
from pg_class as class
join pg_namespace as namespace on namespace.oid = class.relnamespace
join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
join pg_type as type on type.oid = attribute.atttypid
left join pg_type as element on element.oid = type.typelem
where
    class.relkind in ('r', 'p', 'm', 'f')
    and not class.relispartition
    and namespace.nspname <> 'information_schema'
    and namespace.nspname !~ '^pg_'
    and (
        type.typcategory = 'S'
        or type.typname in ('json', 'jsonb', 'bytea')
        or (type.typcategory = 'A' and element.typcategory = 'S')
    )
order by namespace.nspname, class.relname, attribute.attnum;
