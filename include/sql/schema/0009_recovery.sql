-- Purpose:    drills, restores, and what keeps a backup.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- Why a backup is bad: what a drill found. "" while it is good.
alter table ops.backup add column problem text not null default '';

-- One row a restore drill: what was restored, whether it was right, and how long a memory would have been away.
create table ops.drill (
    id bigint generated always as identity primary key,
    uri text not null,
    began_at timestamptz not null,
    finished_at timestamptz not null default now(),
    is_passed boolean not null,
    problems text[] not null,
    -- Seconds from the start to a restored database that answers look-ups.
    rto_seconds double precision,
    -- Age, when the drill ended, of the newest committed batch that neither the backup nor object storage has.
    rpo_seconds double precision,
    facts jsonb not null
);

create index drill_began on ops.drill (began_at);

-- One row a restore, in the restored database itself: from which backup this memory comes, and what was replayed.
create table ops.restore (
    id bigint generated always as identity primary key,
    uri text not null,
    restored_at timestamptz not null default now(),
    seconds double precision not null,
    facts jsonb not null
);

-- What a person should look at, for a monitor: no row, no alarm. Written by `tm backup --check` and the DAG tm_backup.
create table ops.alarm (
    name text primary key,
    found text not null,
    since timestamptz not null default now(),
    checked_at timestamptz not null default now()
);
