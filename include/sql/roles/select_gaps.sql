-- Purpose:    find what the roles lack of include/sql/roles, or have beyond it.
-- Grain:      one row a gap.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    gap (what is wrong, in words)
with wanted as (
    select * from (values ('tm_owner'), ('tm_loader'), ('tm_reader')) as wanted (name)
),

role as (
    select wanted.name, pg_roles.oid, pg_roles.rolcanlogin, pg_roles.rolsuper
    from wanted
    left join pg_roles on pg_roles.rolname = wanted.name
),

relation as (
    select
        pg_class.oid,
        pg_class.relowner as owner,
        pg_class.relkind = 'S' as is_sequence,
        pg_namespace.nspname as schema,
        format('%s.%s', pg_namespace.nspname, pg_class.relname) as name
    from pg_class
    join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname in ('tm', 'staging', 'review', 'quality', 'ops', 'away') and pg_class.relkind in ('r', 'p', 'v', 'S')
),

held as (
    select
        relation.name,
        relation.schema,
        relation.is_sequence,
        relation.owner is distinct from owner.oid as is_foreign,
        relation.name in ('ops.migration', 'ops.put_away') as is_closed,
        case
            when loader.oid is null or relation.is_sequence or relation.schema = 'away' then null
            else array(
                select asked.right_
                from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as asked (right_)
                where has_table_privilege(loader.oid, relation.oid, asked.right_)
            )
        end as loads,
        case
            when reader.oid is null or relation.is_sequence or relation.schema = 'away' then null
            else array(
                select asked.right_
                from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as asked (right_)
                where has_table_privilege(reader.oid, relation.oid, asked.right_)
            )
        end as reads
    from relation
    cross join (select role.oid from role where role.name = 'tm_owner') as owner
    cross join (select role.oid from role where role.name = 'tm_loader') as loader
    cross join (select role.oid from role where role.name = 'tm_reader') as reader
)

select format('there is no role %s', role.name) as gap
from role
where role.oid is null
union all
select format('the role %s may log in, or is a superuser: it should be a group', role.name)
from role
where role.rolcanlogin or role.rolsuper
union all
select format('%s does not belong to tm_owner', held.name)
from held
where held.is_foreign and exists (select from role where role.name = 'tm_owner' and role.oid is not null)
union all
select format('tm_loader may %s on %s', coalesce(nullif(array_to_string(held.loads, ', '), ''), 'nothing'), held.name)
from held
where
    held.loads is distinct from case
        when held.loads is null then null
        when held.is_closed then array['SELECT']
        else array['SELECT', 'INSERT', 'UPDATE', 'DELETE']
    end
union all
select format('tm_reader may %s on %s', coalesce(nullif(array_to_string(held.reads, ', '), ''), 'nothing'), held.name)
from held
where
    held.reads is distinct from case
        when held.reads is null then null
        when held.schema in ('tm', 'quality', 'ops') then array['SELECT']
        else array[]::text[]
    end
union all
select format('everybody may run %s, which runs as its owner', pg_proc.oid::regprocedure)
from pg_proc
cross join lateral aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as held
where
    pg_proc.pronamespace::regnamespace::text in ('tm', 'staging', 'review', 'quality', 'ops', 'away')
    and pg_proc.prosecdef
    and held.grantee = 0
order by gap;
