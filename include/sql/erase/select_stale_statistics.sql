-- Purpose:    the columns of tables that have statistics of their texts. Of a table without rows these are of rows that
--             are gone: Postgres keeps them until an analyze finds a row.
-- Grain:      one row a column.
-- Parameters: names (text[], schema.table)
-- Repeatable: yes; reads only.
-- Returns:    schema, name, column_name, type, inherited
select
    statistic.schemaname::text as schema,
    statistic.tablename::text as name,
    statistic.attname::text as column_name,
    format_type(attribute.atttypid, attribute.atttypmod) as type,
    statistic.inherited
from pg_stats as statistic
join pg_class as class
    on class.oid = to_regclass(format('%%I.%%I', statistic.schemaname, statistic.tablename))
join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attname = statistic.attname
join pg_type as type on type.oid = attribute.atttypid
where
    format('%%s.%%s', statistic.schemaname, statistic.tablename) = any(%(names)s::text[])
    and type.typname in ('text', 'varchar', 'bpchar', 'json', 'jsonb', 'bytea', '_text')
order by 1, 2, 3;
