-- Purpose:    make the group roles that the memory's rights are given to; whoever logs in is made a member of one.
-- Writes:     the server's roles
-- Parameters: none
-- Repeatable: yes, also by several at once.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['tm_owner', 'tm_loader', 'tm_reader'] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin', wanted);
            end if;
            -- Who migrates must be an owner. A superuser is one anyhow.
            if wanted = 'tm_owner' and not pg_has_role(current_user, wanted, 'set') then
                execute format('grant %I to %I with inherit true, set true', wanted, current_user);
            end if;
        exception when duplicate_object or unique_violation then
            null; -- the migration of another database of this server was faster
        end;
    end loop;
end;
$$;
