-- Purpose:    what pods lost, and when a tier is left alone.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- One row a pod that was asked for: how it was to work, on what, and how it ended. What the next pod of the shard is like
-- is decided by these rows (tm_core.loss).
create table ops.pod (
    pod_id bigint generated always as identity primary key,
    batch_id text not null,
    run_id text not null,
    tier text not null,
    shard integer not null,
    try_number integer not null,
    token text not null unique,
    mode text not null check (mode in ('whole', 'careful', 'alone')),
    document text not null,
    on_demand boolean not null,
    memory_factor double precision not null,
    cause text,
    suspect text not null default '',
    message text not null default '',
    pod_name text not null default '',
    node text not null default '',
    started_at timestamptz not null default now(),
    ended_at timestamptz
);

create index pod_shard on ops.pod (batch_id, run_id, tier, shard, pod_id);

-- The circuit breaker of a tier: after `failures` in a row it opens, and after a while it lets one probe through.
create table ops.breaker (
    name text primary key,
    state text not null check (state in ('closed', 'open', 'half-open')),
    failures integer not null,
    first_failed_at timestamptz,
    probe text not null default '',
    reason text not null default '',
    changed_at timestamptz not null default now()
);
