-- Purpose:    let tm_owner own the database's schemas and all that is in them, whoever made it.
-- Writes:     owners of schemas, tables, sequences and functions
-- Parameters: none
-- Repeatable: yes; what it owns already is not touched.
do $$
declare
    ours text[] := array['tm', 'staging', 'review', 'quality', 'ops', 'away'];
    mine oid := 'tm_owner'::regrole;
    one record;
begin
    if not has_database_privilege('tm_owner', current_database(), 'create') then
        execute format('grant create on database %I to tm_owner', current_database());
    end if;
    for one in select nspname from pg_namespace where nspname = any(ours) and nspowner <> mine loop
        execute format('alter schema %I owner to tm_owner', one.nspname);
    end loop;
    for one in
        select oid::regclass as name
        from pg_class
        where
            relnamespace::regnamespace::text = any(ours)
            and relowner <> mine
            -- An identity's sequence goes with its table.
            and (
                relkind in ('r', 'p', 'v', 'm')
                or relkind = 'S' and not exists (
                    select from pg_depend where objid = pg_class.oid and classid = 'pg_class'::regclass and deptype = 'i'
                )
            )
    loop
        execute format('alter table %s owner to tm_owner', one.name);
    end loop;
    for one in
        select oid::regprocedure as name
        from pg_proc
        where pronamespace::regnamespace::text = any(ours) and proowner <> mine
    loop
        execute format('alter routine %s owner to tm_owner', one.name);
    end loop;
end;
$$;
