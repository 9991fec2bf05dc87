-- Purpose:    the roles that a restored database needs: a dump of one database holds none.
-- Grain:      one row a role that is not Postgres' own. Passwords are not among it.
-- Reads:      pg_roles, pg_auth_members
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    name, may_log_in, may_create_databases, groups
select
    role.rolname as name,
    role.rolcanlogin as may_log_in,
    role.rolcreatedb as may_create_databases,
    coalesce(
        (
            select array_agg(parent.rolname::text order by parent.rolname)
            from pg_auth_members as membership
            inner join pg_roles as parent on parent.oid = membership.roleid
            where membership.member = role.oid
        ),
        '{}'
    ) as groups
from pg_roles as role
where role.rolname not like 'pg\_%'
order by role.rolname;
