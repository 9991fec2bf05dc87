-- Purpose:    list who owns what, and who may do what with it: a restore leaves this to the rules of include/sql/roles.
-- Grain:      one row a right that somebody has besides the owner's own; one row an object for its owner.
-- Reads:      Postgres' catalogs
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    role (public for all), right ("owner" among them), object
with own_schema as (
    select oid, nspname, nspowner, nspacl
    from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
),

object as (
    select
        'the database' as name, base.datdba as owner, coalesce(base.datacl, acldefault('d', base.datdba)) as acl
    from pg_database as base
    where base.datname = current_database()
    union all
    select
        format('schema %s', own_schema.nspname), own_schema.nspowner,
        coalesce(own_schema.nspacl, acldefault('n', own_schema.nspowner))
    from own_schema
    union all
    select
        format('%s %I.%I', case class.relkind when 'S' then 'sequence' else 'table' end, own_schema.nspname, class.relname),
        class.relowner,
        coalesce(class.relacl, acldefault(case class.relkind when 'S' then 's' else 'r' end::"char", class.relowner))
    from pg_class as class
    join own_schema on own_schema.oid = class.relnamespace
    where class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select format('column %I.%I.%I', own_schema.nspname, class.relname, attribute.attname), class.relowner, attribute.attacl
    from pg_attribute as attribute
    join pg_class as class on class.oid = attribute.attrelid
    join own_schema on own_schema.oid = class.relnamespace
    where attribute.attacl is not null and not attribute.attisdropped
    union all
    select
        format('function %s', proc.oid::regprocedure), proc.proowner,
        coalesce(proc.proacl, acldefault('f', proc.proowner))
    from pg_proc as proc
    join own_schema on own_schema.oid = proc.pronamespace
    union all
    select
        format(
            'new %s of %s%s', case defaults.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                when 'T' then 'types' else 'schemas' end,
            defaults.defaclrole::regrole, ' in schema ' || nullif(defaults.defaclnamespace, 0::oid)::regnamespace::text
        ),
        defaults.defaclrole, defaults.defaclacl
    from pg_default_acl as defaults
)

select
    case when held.grantee = 0 then 'public' else held.grantee::regrole::text end as role,
    held.privilege_type || case when held.is_grantable then ' with grant option' else '' end as right,
    object.name as object
from object
cross join lateral aclexplode(object.acl) as held
where held.grantee <> object.owner
union all
select object.owner::regrole::text, 'owner', object.name
from object
where object.name <> 'the database' and object.name not like 'column %' and object.name not like 'new %'
order by role, object, "right";
