-- Purpose:    say what loaders and readers may do: loaders read and write rows, readers read. Neither makes, changes,
--             empties or drops a table, and what a migration has done is the owner's to say.
-- Writes:     rights on schemas, tables, sequences and functions, and on what will be made there
-- Parameters: none
-- Repeatable: yes.
do $$
begin
    -- Public has these unless somebody took them away.
    if not has_database_privilege('tm_loader', current_database(), 'connect, temporary') then
        execute format('grant connect, temporary on database %I to tm_loader', current_database());
    end if;
    if not has_database_privilege('tm_reader', current_database(), 'connect') then
        execute format('grant connect on database %I to tm_reader', current_database());
    end if;
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
