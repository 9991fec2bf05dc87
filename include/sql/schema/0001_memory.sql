-- Purpose:    the translation memory, the books kept about it, and the queue of reviewers.
-- Applied by: tm migrate, in one transaction; never changed once released: the next change is 0002.

-- ops itself is made by the migration runner, for its own table ops.migration.
create schema tm;
create schema staging;
create schema review;
create schema quality;

-- The memory -------------------------------------------------------------------------------------

create table tm.store (
    store_id integer generated always as identity primary key,
    name text not null unique,
    created_at timestamptz not null default now()
);

-- One row a translation unit: its texts and the best evidence for it. A store never spans partitions, and every
-- statement names its store, so that a partition can move to another server.
create table tm.unit (
    store_id integer not null,
    unit_key bytea not null,
    src_lang text not null,
    tgt_lang text not null,
    src_text text not null,
    tgt_text text not null,
    src_hash bytea not null,
    tgt_hash bytea not null,
    context bytea not null,
    prev_hash bytea not null,
    next_hash bytea not null,
    item_key text not null,
    document_key bytea not null,
    position integer not null,
    tier text not null,
    aligner text not null,
    model_hash text not null,
    score real not null check (score between 0 and 1),
    partition_date date not null,
    batch_id text not null,
    review_state text not null default 'unreviewed',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (store_id, unit_key)
) partition by hash (store_id);

-- One row for every document that says a unit, at its newest version: a unit lives as long as one does. Kept beside
-- the unit so that the memory is the same in whatever order dates arrive.
create table tm.evidence (
    store_id integer not null,
    document_key bytea not null,
    unit_key bytea not null,
    position integer not null,
    tier text not null,
    aligner text not null,
    model_hash text not null,
    score real not null,
    partition_date date not null,
    batch_id text not null,
    primary key (store_id, document_key, unit_key)
) partition by hash (store_id);

-- The version of each document pair that the memory holds.
create table tm.document (
    store_id integer not null,
    document_key bytea not null,
    name text not null,
    src_lang text not null,
    tgt_lang text not null,
    partition_date date not null,
    generation bigint not null,
    batch_id text not null,
    content_hash text not null,
    primary key (store_id, document_key)
) partition by hash (store_id);

do $$
declare
    part integer;
begin
    for part in 0..7 loop
        execute format('create table tm.unit_p%1$s partition of tm.unit for values with (modulus 8, remainder %1$s)', part);
        execute format('create table tm.evidence_p%1$s partition of tm.evidence for values with (modulus 8, remainder %1$s)', part);
        execute format('create table tm.document_p%1$s partition of tm.document for values with (modulus 8, remainder %1$s)', part);
    end loop;
end;
$$;

create index unit_src on tm.unit (store_id, src_lang, tgt_lang, src_hash);
create index unit_batch on tm.unit (batch_id);
create index evidence_unit on tm.evidence (store_id, unit_key);

-- Staging ----------------------------------------------------------------------------------------

-- Beads of batches under way, as the filter wrote them. Unlogged: the files in object storage are the truth, and
-- whoever reads this table first compares its count with theirs.
create unlogged table staging.bead (
    batch_id text not null,
    store text not null,
    document_key bytea not null,
    position integer not null,
    src_lang text not null,
    tgt_lang text not null,
    src_first integer not null,
    src_count integer not null,
    tgt_first integer not null,
    tgt_count integer not null,
    src_text text not null,
    tgt_text text not null,
    src_hash bytea not null,
    tgt_hash bytea not null,
    context bytea not null,
    prev_hash bytea not null,
    next_hash bytea not null,
    unit_key bytea not null,
    item_key text not null,
    tier text not null,
    aligner text not null,
    model_hash text not null,
    score real not null,
    src_lang_id text not null,
    tgt_lang_id text not null,
    rule text not null
);

create index bead_batch on staging.bead (batch_id, document_key);

-- The books --------------------------------------------------------------------------------------

create sequence ops.generation;

-- One row a batch. The current batch of a date is the one with the highest generation: a date planned again with
-- other input gets a new batch, or an older one comes back, with a higher generation.
create table ops.batch (
    batch_id text primary key,
    partition_date date not null,
    generation bigint not null unique default nextval('ops.generation'),
    state text not null check (state in ('planned', 'loaded', 'done', 'superseded')),
    reprocess boolean not null default false,
    run_id text not null,
    versions jsonb not null,
    planned_at timestamptz not null default now(),
    done_at timestamptz
);

create index batch_date on ops.batch (partition_date, generation);

-- One row a slice: what a verdict is about. outcomes is null until the slice has been settled.
create table ops.slice (
    batch_id text not null references ops.batch,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    documents bigint not null,
    src_segments bigint not null,
    tgt_segments bigint not null,
    beads bigint not null,
    verdict text check (verdict in ('accept', 'hold', 'quarantine')),
    outcomes jsonb,
    generation bigint,
    settled_at timestamptz,
    primary key (batch_id, store, src_lang, tgt_lang)
);

-- One row a finished step, for the report's seconds and for whoever asks what ran when.
create table ops.step (
    batch_id text not null references ops.batch,
    step text not null,
    seconds double precision not null,
    facts jsonb not null,
    finished_at timestamptz not null default now(),
    primary key (batch_id, step)
);

create table ops.file (
    partition_date date not null,
    batch_id text not null,
    path text not null,
    store text not null,
    size bigint not null,
    sha256 text not null,
    state text not null,
    reason text not null,
    primary key (partition_date, batch_id, path)
) partition by range (partition_date);

create table ops.document (
    partition_date date not null,
    batch_id text not null,
    document_key bytea not null,
    store text not null,
    name text not null,
    src_lang text not null,
    tgt_lang text not null,
    kind text not null,
    state text not null,
    reason text not null,
    content_hash text not null,
    ledger_key text not null,
    tier text not null,
    route text not null,
    confidence real not null,
    src_segments bigint not null,
    tgt_segments bigint not null,
    beads bigint not null,
    src_lang_id text not null,
    tgt_lang_id text not null,
    notes text not null,
    cpu_seconds real,
    primary key (partition_date, batch_id, document_key)
) partition by range (partition_date);

create index document_name on ops.document (store, name);

create table ops.outcome (
    partition_date date not null,
    batch_id text not null,
    document_key bytea not null,
    position integer not null,
    outcome text not null,
    rule text not null,
    unit_key bytea not null,
    primary key (partition_date, batch_id, document_key, position)
) partition by range (partition_date);

create table ops.shard_run (
    partition_date date not null,
    batch_id text not null,
    tier text not null,
    shard integer not null,
    documents bigint not null,
    seconds double precision not null,
    attestation jsonb not null,
    primary key (partition_date, batch_id, tier, shard)
) partition by range (partition_date);

-- Make the month's partitions of the tables above. Safe to call by several at once.
create function ops.ensure_month(day date) returns void language plpgsql as $$
declare
    first_day date := date_trunc('month', day)::date;
    suffix text := to_char(day, 'YYYYMM');
    parent text;
begin
    perform pg_advisory_xact_lock(hashtext('ops.ensure_month'));
    foreach parent in array array['file', 'document', 'outcome', 'shard_run'] loop
        if to_regclass(format('ops.%I', parent || '_' || suffix)) is null then
            execute format(
                'create table ops.%I partition of ops.%I for values from (%L) to (%L)',
                parent || '_' || suffix, parent, first_day, (first_day + interval '1 month')::date
            );
        end if;
    end loop;
end;
$$;

-- The ledger: what has been aligned before, with the same texts and versions, and where its beads lie.
create table ops.ledger (
    ledger_key text primary key,
    batch_id text not null,
    folder text not null,
    document_key bytea not null,
    tier text not null,
    route text not null,
    confidence real not null,
    recorded_at timestamptz not null default now()
);

-- Lexicons by language pair: the promoted one is pinned by every plan; older ones are kept to go back to.
create table ops.lexicon (
    src_lang text not null,
    tgt_lang text not null,
    sha256 text not null,
    state text not null check (state in ('promoted', 'retired', 'refused')),
    entries bigint not null,
    units bigint not null,
    f1 double precision,
    f1_before double precision,
    reason text not null,
    decided_at timestamptz not null default now(),
    primary key (src_lang, tgt_lang, sha256)
);

create unique index lexicon_promoted on ops.lexicon (src_lang, tgt_lang) where state = 'promoted';

create table ops.backup (
    uri text primary key,
    batch_id text,
    taken_at timestamptz not null,
    state text not null check (state in ('good', 'bad', 'deleted')),
    files bigint not null,
    bytes bigint not null,
    manifest_sha256 text not null,
    counts jsonb not null,
    seconds double precision not null
);

-- Quality ----------------------------------------------------------------------------------------

-- What SQL measured of a slice; Great Expectations asserts on these rows and nothing else.
create table quality.metric (
    batch_id text not null references ops.batch,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    name text not null,
    value double precision not null,
    primary key (batch_id, store, src_lang, tgt_lang, name)
);

create table quality.check_result (
    batch_id text not null references ops.batch,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    name text not null,
    level text not null,
    passed boolean not null,
    found text not null,
    primary key (batch_id, store, src_lang, tgt_lang, name)
);

create table quality.decision (
    batch_id text not null references ops.batch,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    verdict text not null,
    reasons text[] not null,
    warnings text[] not null,
    decided_by text not null,
    decided_at timestamptz not null default now(),
    primary key (batch_id, store, src_lang, tgt_lang)
);

-- Review -----------------------------------------------------------------------------------------

create table review.item (
    batch_id text not null references ops.batch,
    store text not null,
    document_key bytea not null,
    position integer not null,
    unit_key bytea not null,
    src_lang text not null,
    tgt_lang text not null,
    tier text not null,
    score_bin integer not null,
    weight double precision not null,
    score real not null,
    src_text text not null,
    tgt_text text not null,
    state text not null default 'open' check (state in ('open', 'done')),
    created_at timestamptz not null default now(),
    primary key (batch_id, document_key, position)
);
