-- Purpose:    say what loaders and readers may do: loaders read and write rows, readers read. Neither makes, changes,
--             empties or drops a table, and what a migration has done is the owner's to say. What is evidence of what was
--             done, a loader may add to and not take from.
-- Writes:     rights on the database, schemas, tables, columns, sequences and functions, and on what will be made there
-- Parameters: none
-- Repeatable: yes.
do $$
declare
    of_base text := format('on database %I', current_database());
    one text;
begin
    -- Public may connect and make temporary tables. A reader makes none: they fill the server's disk.
    if has_database_privilege('tm_reader', current_database(), 'temporary') then
        execute format('revoke temporary %s from public, tm_reader', of_base);
    end if;
    foreach one in array array['tm_owner', 'tm_loader', 'tm_reader'] loop
        if not has_database_privilege(one, current_database(), 'connect') then
            execute format('grant connect %s to %I', of_base, one);
        end if;
        if one <> 'tm_reader' and not has_database_privilege(one, current_database(), 'temporary') then
            execute format('grant temporary %s to %I', of_base, one);
        end if;
    end loop;
end;
$$;

-- Large objects fill the disk too, and every login may make them. The functions belong to the server: only a superuser
-- can take them away (tm_store.roles says so to anyone else).
do $$
declare
    one record;
begin
    if not (select rolsuper from pg_roles where rolname = current_user) then
        return;
    end if;
    for one in
        select oid::regprocedure as name
        from pg_proc
        where
            pronamespace = 'pg_catalog'::regnamespace
            and proname ~ '^(lo_(creat|create|from_bytea|import|put|truncate|truncate64|unlink)|lowrite)$'
            and has_function_privilege('tm_reader', oid, 'execute')
    loop
        execute format('revoke execute on function %s from public, tm_reader', one.name);
    end loop;
end;
$$;

grant usage on schema tm, staging, review, quality, ops, away to tm_loader;
grant select, insert, update, delete on all tables in schema tm, staging, review, quality, ops to tm_loader;
grant select on all tables in schema away to tm_loader;
grant usage, select on all sequences in schema tm, staging, review, quality, ops to tm_loader;
grant execute on all functions in schema tm, staging, review, quality, ops to tm_loader;
alter default privileges for role tm_owner in schema tm, staging, review, quality, ops
grant select, insert, update, delete on tables to tm_loader;
alter default privileges for role tm_owner in schema tm, staging, review, quality, ops
grant usage, select on sequences to tm_loader;
alter default privileges for role tm_owner in schema tm, staging, review, quality, ops
grant execute on functions to tm_loader;

-- No texts of batches under way and none of the review queue: readers see what has been loaded.
grant usage on schema tm, quality, ops to tm_reader;
grant select on all tables in schema tm, quality, ops to tm_reader;
alter default privileges for role tm_owner in schema tm, quality, ops
grant select on tables to tm_reader;

-- Append-only tables, with the columns that say how far a row has come: these alone may be updated. roles/select_gaps
-- has the same list.
do $$
declare
    one record;
begin
    for one in
        select *
        from (
            values
            ('ops.approval', ''),
            ('ops.backup', 'state, problem'),
            ('ops.drill', ''),
            ('ops.erasure', 'swept_at, lifted_by'),
            ('ops.journal', 'shipped_at'),
            ('ops.restore', ''),
            (
                'quality.decision',
                'content, verdict, reasons, warnings, releasable, decided_by, decided_at, why'
            ),
            ('quality.decision_history', ''),
            ('review.change', ''),
            ('review.comparison', 'promoted_at, promoted_by, before, undone_at, undone_by'),
            ('review.threshold', ''),
            ('review.verdict', '')
        ) as kept (name, state_columns)
        where to_regclass(name) is not null
    loop
        execute format('revoke update, delete on %s from tm_loader', one.name);
        if one.state_columns <> '' then
            execute format('grant update (%s) on %s to tm_loader', one.state_columns, one.name);
        end if;
    end loop;
    -- A view of one table can be written through, with its owner's rights.
    for one in
        select oid::regclass as name
        from pg_class
        where relkind = 'v' and relnamespace::regnamespace::text in ('tm', 'staging', 'review', 'quality', 'ops', 'away')
    loop
        execute format('revoke insert, update, delete, truncate on %s from tm_loader, tm_reader', one.name);
    end loop;
end;
$$;

-- What somebody gave by hand beyond this.
revoke insert, update, delete on ops.migration, ops.put_away from tm_loader;
revoke truncate, references, trigger on all tables in schema tm, staging, review, quality, ops, away from tm_loader;
revoke insert, update, delete on all tables in schema away from tm_loader;
revoke insert, update, delete, truncate, references, trigger on all tables in schema tm, quality, ops from tm_reader;
revoke all on all tables in schema staging, review, away from tm_reader;
revoke create on schema tm, staging, review, quality, ops, away from tm_loader, tm_reader;

-- Postgres lets everybody run a new function. One that runs as its owner is for loaders alone; a restore knows no rights,
-- so that a migration's word on this does not last.
do $$
declare
    one record;
begin
    for one in
        select oid::regprocedure as name
        from pg_proc
        where pronamespace::regnamespace::text in ('tm', 'staging', 'review', 'quality', 'ops', 'away') and prosecdef
    loop
        execute format('revoke execute on function %s from public', one.name);
    end loop;
end;
$$;
