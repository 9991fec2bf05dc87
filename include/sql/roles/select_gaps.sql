-- Purpose:    find what the roles lack of include/sql/roles, or have beyond it.
-- Grain:      one row a gap.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    gap (what is wrong, in words), of_superuser (only a superuser can close it)
with wanted as (
    select * from (values ('tm_owner'), ('tm_loader'), ('tm_reader')) as wanted (name)
),

-- As in roles/grant_rights: append-only tables, with the columns that may be updated; and tables closed to loaders.
kept as (
    select *
    from (
        values
        ('ops.approval', array[]::text[], array['SELECT', 'INSERT']),
        ('ops.backup', array['problem', 'state'], array['SELECT', 'INSERT']),
        ('ops.drill', array[]::text[], array['SELECT', 'INSERT']),
        ('ops.erasure', array['lifted_by', 'swept_at'], array['SELECT', 'INSERT']),
        ('ops.journal', array['shipped_at'], array['SELECT', 'INSERT']),
        ('ops.migration', array[]::text[], array['SELECT']),
        ('ops.put_away', array[]::text[], array['SELECT']),
        ('ops.restore', array[]::text[], array['SELECT', 'INSERT']),
        (
            'quality.decision',
            array['content', 'decided_at', 'decided_by', 'reasons', 'releasable', 'verdict', 'warnings', 'why'],
            array['SELECT', 'INSERT']
        ),
        ('quality.decision_history', array[]::text[], array['SELECT', 'INSERT']),
        ('review.change', array[]::text[], array['SELECT', 'INSERT']),
        (
            'review.comparison',
            array['before', 'promoted_at', 'promoted_by', 'undone_at', 'undone_by'],
            array['SELECT', 'INSERT']
        ),
        ('review.threshold', array[]::text[], array['SELECT', 'INSERT']),
        ('review.verdict', array[]::text[], array['SELECT', 'INSERT'])
    ) as kept (name, state_columns, rights)
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
        pg_class.relkind = 'v' as is_view,
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
        case
            when relation.is_view then array['SELECT']
            else coalesce(kept.rights, array['SELECT', 'INSERT', 'UPDATE', 'DELETE'])
        end as should_load,
        -- Of tables whose rows may be updated as a whole it does not matter.
        kept.state_columns,
        case
            when loader.oid is null or relation.is_sequence or relation.schema = 'away' then null
            else array(
                select asked.right_
                from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as asked (right_)
                where has_table_privilege(loader.oid, relation.oid, asked.right_)
            )
        end as loads,
        case
            when loader.oid is null or kept.name is null then null
            else array(
                select attribute.attname::text
                from pg_attribute as attribute
                where
                    attribute.attrelid = relation.oid
                    and attribute.attnum > 0
                    and not attribute.attisdropped
                    and has_column_privilege(loader.oid, relation.oid, attribute.attnum, 'UPDATE')
                order by attribute.attname
            )
        end as updates,
        case
            when reader.oid is null or relation.is_sequence or relation.schema = 'away' then null
            else array(
                select asked.right_
                from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as asked (right_)
                where
                    has_table_privilege(reader.oid, relation.oid, asked.right_)
                    -- Of one column alone is too much as well.
                    or case
                        when asked.right_ in ('SELECT', 'INSERT', 'UPDATE')
                            then has_any_column_privilege(reader.oid, relation.oid, asked.right_)
                    end
            )
        end as reads
    from relation
    left join kept on kept.name = relation.name
    cross join (select role.oid from role where role.name = 'tm_owner') as owner
    cross join (select role.oid from role where role.name = 'tm_loader') as loader
    cross join (select role.oid from role where role.name = 'tm_reader') as reader
)

select format('there is no role %s', role.name) as gap, false as of_superuser
from role
where role.oid is null
union all
select format('the role %s may log in, or is a superuser: it should be a group', role.name), false
from role
where role.rolcanlogin or role.rolsuper
union all
select format('%s does not belong to tm_owner', held.name), false
from held
where held.is_foreign and exists (select from role where role.name = 'tm_owner' and role.oid is not null)
union all
select
    format('tm_loader may %s on %s', coalesce(nullif(array_to_string(held.loads, ', '), ''), 'nothing'), held.name), false
from held
where held.loads is not null and held.loads is distinct from held.should_load
union all
select
    format(
        'tm_loader may update %s of %s, where it may update %s',
        coalesce(nullif(array_to_string(held.updates, ', '), ''), 'no column'),
        held.name,
        coalesce(nullif(array_to_string(held.state_columns, ', '), ''), 'none')
    ),
    false
from held
where held.updates is distinct from held.state_columns and held.updates is not null
union all
select
    format('tm_reader may %s on %s', coalesce(nullif(array_to_string(held.reads, ', '), ''), 'nothing'), held.name), false
from held
where
    held.reads is distinct from case
        when held.reads is null then null
        when held.schema in ('tm', 'quality', 'ops') then array['SELECT']
        else array[]::text[]
    end
union all
select format('everybody may run %s, which runs as its owner', pg_proc.oid::regprocedure), false
from pg_proc
cross join lateral aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as held
where
    pg_proc.pronamespace::regnamespace::text in ('tm', 'staging', 'review', 'quality', 'ops', 'away')
    and pg_proc.prosecdef
    and held.grantee = 0
union all
select format('%s may make temporary tables in this database', role.name), false
from role
where role.name = 'tm_reader' and has_database_privilege(role.oid, current_database(), 'temporary')
union all
select format('%s may not make temporary tables in this database', role.name), false
from role
where role.name in ('tm_owner', 'tm_loader') and not has_database_privilege(role.oid, current_database(), 'temporary')
union all
select format('%s may make large objects: %s', role.name, string_agg(pg_proc.proname, ', ' order by pg_proc.proname)), true
from role
cross join pg_proc
where
    role.name = 'tm_reader'
    and pg_proc.pronamespace = 'pg_catalog'::regnamespace
    and pg_proc.proname ~ '^(lo_(creat|create|from_bytea|import|put|truncate|truncate64|unlink)|lowrite)$'
    and has_function_privilege(role.oid, pg_proc.oid, 'execute')
group by role.name
order by gap;
