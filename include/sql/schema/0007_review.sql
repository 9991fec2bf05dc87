-- Purpose:    reviewers' verdicts, claims and the precision they prove.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- The queue: an item is a bead as it was when it was drawn, with what stood around it; only its state changes.
-- partition_date is null, and around is empty, in rows from before this migration.
alter table review.item
    add column item_id bigint generated always as identity unique,
    -- Of each write that a person made; whoever writes names the version that was seen.
    add column version integer not null default 0,
    -- sample: drawn, and counted; twin: the same two texts were refused in another store; blind: one side of an A/B.
    add column origin text not null default 'sample',
    -- Larger first: how little is known of the stratum, 0 to 1.
    add column priority real not null default 0,
    add column partition_date date,
    -- Tier 1's confidence in the document.
    add column confidence real not null default 0,
    add column wanted smallint not null default 1,
    add column src_hash bytea not null default '',
    add column tgt_hash bytea not null default '',
    add column context bytea not null default '',
    add column prev_hash bytea not null default '',
    add column next_hash bytea not null default '',
    add column item_key text not null default '',
    -- The bead's segments and the beads before and after it (tm_store.review_window).
    add column around jsonb not null default '{}',
    -- Who has judged or passed it on, since its last undo; verdicts counts the judgements alone.
    add column reviewers text[] not null default '{}',
    add column verdicts smallint not null default 0,
    add column disputed boolean not null default false,
    add column claimed_by text not null default '',
    add column claimed_until timestamptz not null default 'epoch',
    add column done_at timestamptz;

create index item_queue on review.item (priority desc, item_id) where state = 'open';
create index item_texts on review.item (store, src_hash, tgt_hash);

-- Every verdict, and every undo of one: rows are only added. The bead's stratum stands in the row, so that a verdict
-- outlives its item and a restored backup can take it from the journal.
create table review.verdict (
    verdict_id bigint generated always as identity primary key,
    verdict_key bytea not null unique,
    at timestamptz not null default now(),
    who text not null,
    kind text not null check (kind in ('accept', 'wrong', 'partial', 'skip', 'undo')),
    correction text not null default '' check (correction in ('', 'edit', 'boundary')),
    undoes bytea references review.verdict (verdict_key),
    note text not null default '',
    seconds real not null default 0,
    batch_id text not null,
    document_key bytea not null,
    position integer not null,
    partition_date date not null,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    tier text not null,
    score_bin integer not null,
    score real not null,
    confidence real not null,
    weight double precision not null,
    origin text not null,
    unit_key bytea not null
);

create unique index verdict_undone on review.verdict (undoes) where undoes is not null;
create index verdict_bead on review.verdict (batch_id, document_key, position);
create index verdict_unit on review.verdict (unit_key);
create index verdict_stratum on review.verdict (store, src_lang, tgt_lang, partition_date);

-- What stands: verdicts that nobody took back.
create view review.effective as
select verdict.*
from review.verdict as verdict
where
    verdict.kind <> 'undo'
    and not exists (select from review.verdict as later where later.undoes = verdict.verdict_key);

-- What a verdict says of a pair of texts: of the item's, and after a correction of all that it changed. before: the
-- pair as the batch brought it; after: as a person left it, and where it stands.
create table review.change (
    verdict_key bytea not null references review.verdict (verdict_key),
    number integer not null,
    side text not null check (side in ('before', 'after')),
    is_right boolean not null,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    src_hash bytea not null,
    tgt_hash bytea not null,
    src_text text not null,
    tgt_text text not null,
    -- Of rows that say 'after': the unit that the correction is.
    unit_key bytea not null default '',
    context bytea not null default '',
    prev_hash bytea not null default '',
    next_hash bytea not null default '',
    item_key text not null default '',
    position integer not null default 0,
    primary key (verdict_key, number)
);

create index change_texts on review.change (store, src_lang, tgt_lang, src_hash, tgt_hash);

-- Verdicts that the memory has not taken in yet, because a load holds their store (tm_store.review_memory).
create table review.unsettled (
    verdict_key bytea primary key references review.verdict (verdict_key),
    store text not null
);

-- The trail as people read it: each row with what it changed, and whether it still stands.
create view review.trail as
select
    verdict.verdict_id,
    verdict.verdict_key,
    verdict.at,
    verdict.who,
    verdict.kind,
    verdict.correction,
    verdict.note,
    verdict.seconds,
    verdict.undoes,
    exists (select from review.verdict as later where later.undoes = verdict.verdict_key) as undone,
    not exists (select from review.unsettled as waiting where waiting.verdict_key = verdict.verdict_key) as settled,
    verdict.store,
    verdict.src_lang,
    verdict.tgt_lang,
    item.item_id,
    verdict.unit_key,
    verdict.batch_id,
    verdict.document_key,
    verdict.position,
    coalesce(changed.before, '[]') as before,
    coalesce(changed.after, '[]') as after
from review.verdict as verdict
left join review.item as item using (batch_id, document_key, position)
left join lateral (
    select
        jsonb_agg(jsonb_build_array(change.src_text, change.tgt_text) order by change.number)
            filter (where change.side = 'before') as before,
        jsonb_agg(jsonb_build_array(change.src_text, change.tgt_text) order by change.number)
            filter (where change.side = 'after') as after
    from review.change as change
    where change.verdict_key = verdict.verdict_key
) as changed on true;

-- What people say of two texts in a store, wherever they stand: the sum of their verdicts, kept where a load asks.
create table tm.ruling (
    store_id integer not null,
    src_lang text not null,
    tgt_lang text not null,
    src_hash bytea not null,
    tgt_hash bytea not null,
    is_rejected boolean not null,
    verdict_key bytea not null,
    primary key (store_id, src_lang, tgt_lang, src_hash, tgt_hash)
);

-- What a rejection took out of the memory, for the undo: rows of tm.evidence, tm.unit and tm.extra as they were, and
-- the document's content, because only the same document still says it.
create table review.removed (
    store_id integer not null,
    document_key bytea not null,
    unit_key bytea not null,
    src_lang text not null,
    tgt_lang text not null,
    src_hash bytea not null,
    tgt_hash bytea not null,
    content_hash text not null,
    evidence jsonb not null,
    unit jsonb not null,
    extra jsonb,
    primary key (store_id, document_key, unit_key)
);

create index removed_texts on review.removed (store_id, src_lang, tgt_lang, src_hash, tgt_hash);

-- What was known of each stratum when its slice was sampled: what its units were stamped with.
create table review.standing (
    batch_id text not null references ops.batch,
    -- The plan of the batch that was sampled: planned anew, it is sampled anew.
    generation bigint not null,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    tier text not null,
    score_bin integer not null,
    state text not null check (state in ('proven_bad', 'unproven', 'trusted')),
    pooled text not null,
    verdicts integer not null,
    correct integer not null,
    effective double precision not null,
    estimate double precision not null,
    lower_bound double precision not null,
    upper_bound double precision not null,
    target double precision not null,
    primary key (batch_id, store, src_lang, tgt_lang, tier, score_bin)
);

-- Approved thresholds of the tiers: a plan pins the newest. value is null where the setting is to hold again.
create table review.threshold (
    version bigint generated always as identity primary key,
    value double precision check (value between 0 and 1),
    who text not null,
    why text not null,
    facts jsonb not null,
    at timestamptz not null default now()
);

-- Comparisons of two aligners (tm_core.ab). Each has a batch of its own, of which its blind review items are; facts: hits
-- on gold by block and costs, both by side; before: what was pinned when b was promoted.
alter table ops.batch drop constraint batch_kind_check;
alter table ops.batch add constraint batch_kind_check check (kind in ('refresh', 'import', 'comparison'));

create table review.comparison (
    batch_id text primary key references ops.batch,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    variants jsonb not null,
    facts jsonb not null,
    made_at timestamptz not null default now(),
    promoted_at timestamptz,
    promoted_by text not null default '',
    before jsonb,
    undone_at timestamptz,
    undone_by text not null default ''
);

-- Which side made a blind item: apart from the item, so that nothing that shows the item can tell.
create table review.blind (
    batch_id text not null references review.comparison,
    document_key bytea not null,
    position integer not null,
    side text not null check (side in ('a', 'b')),
    primary key (batch_id, document_key, position)
);
