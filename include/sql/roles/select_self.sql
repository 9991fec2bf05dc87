-- Purpose:    say who is connected, and whether that login may set the roles up.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    login, database, is_superuser, may_create (roles), owns (the database), groups (of the three, those it is a member of)
select
    current_user::text as login,
    current_database()::text as database,
    role.rolsuper as is_superuser,
    role.rolsuper or role.rolcreaterole as may_create,
    pg_has_role(base.datdba, 'usage') as owns,
    array(
        select groups.rolname::text
        from pg_roles as groups
        where groups.rolname in ('tm_owner', 'tm_loader', 'tm_reader') and pg_has_role(groups.oid, 'usage')
        order by groups.rolname
    ) as groups
from pg_roles as role
join pg_database as base on base.datname = current_database()
where role.rolname = current_user;
