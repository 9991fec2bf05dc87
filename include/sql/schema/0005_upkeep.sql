-- Purpose:    what the roles may do, and the months whose books are put away.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- Who may read, write and own what is said by include/sql/roles, which `tm migrate` applies after the migrations. What
-- a loader needs beyond rows are these two functions: they run as the owner, on names of their own choice alone.

-- As in 0001, and for a role that may make no table. A table that tm maintain is putting away is not taken for the
-- month's partition.
create or replace function ops.ensure_month(day date) returns void language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
    first_day date := date_trunc('month', day)::date;
    suffix text := to_char(day, 'YYYYMM');
    parent text;
    partition regclass;
begin
    perform pg_advisory_xact_lock(hashtext('ops.ensure_month'));
    foreach parent in array array['file', 'document', 'outcome', 'shard_run'] loop
        partition := to_regclass(format('ops.%I', parent || '_' || suffix));
        if partition is null then
            execute format(
                'create table ops.%I partition of ops.%I for values from (%L) to (%L)',
                parent || '_' || suffix, parent, first_day, (first_day + interval '1 month')::date
            );
        elsif not exists (
            select from pg_inherits
            where inhrelid = partition and inhparent = to_regclass(format('ops.%I', parent)) and not inhdetachpending
        ) then
            raise exception '% is being put away: run "tm maintain --part books", then this again', partition
                using errcode = 'lock_not_available';
        end if;
    end loop;
end;
$$;

-- Statistics of what a batch has just staged: only an owner may gather them before Postgres 17.
create function staging.analyze_beads() returns void language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
begin
    analyze staging.bead;
end;
$$;

revoke execute on function ops.ensure_month(date), staging.analyze_beads() from public;

-- Partitions of the books that have been detached and are not yet dropped: their way to object storage.
create schema away;

-- What has been put away: one row a folder. A month that was written to again after that has several a table. sha256 is
-- that of the rows, as tm_store.upkeep_books writes them.
create table ops.put_away (
    path text primary key,
    table_name text not null,
    month date not null,
    rows bigint not null,
    sha256 text not null,
    put_away_at timestamptz not null default now()
);

create index put_away_month on ops.put_away (month, table_name);
