-- Purpose:    list who is a member of the memory's roles.
-- Grain:      one row a role.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    name, members
select
    role.rolname::text as name,
    array(
        select member.rolname::text
        from pg_auth_members as held
        join pg_roles as member on member.oid = held.member
        where held.roleid = role.oid
        order by member.rolname
    ) as members
from pg_roles as role
where role.rolname in ('tm_owner', 'tm_loader', 'tm_reader')
order by role.rolname;
