-- Purpose:    what of a server decides whether a backup fits into it.
-- Grain:      one row.
-- Parameters: names (text[], extensions)
-- Repeatable: yes; reads only.
-- Returns:    missing (extensions that are not installed there), may_create, is_superuser, may_signal
select
    array(
        select wanted.name
        from unnest(%(names)s::text[]) as wanted (name)
        where not exists (select from pg_available_extensions as there where there.name = wanted.name)
        order by wanted.name
    ) as missing,
    role.rolcreatedb or role.rolsuper as may_create,
    role.rolsuper as is_superuser,
    role.rolsuper or pg_has_role('pg_signal_backend', 'member') as may_signal
from pg_roles as role
where role.rolname = current_user;
