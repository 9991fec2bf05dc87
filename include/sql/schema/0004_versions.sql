-- Purpose:    what a batch or an import replaced, and the texts that must not come back.
-- Applied by: tm migrate, in one transaction; never changed once released.

alter table ops.batch drop constraint batch_state_check;
alter table ops.batch add constraint batch_state_check
check (state in ('planned', 'loaded', 'done', 'superseded', 'rolled_back'));

-- A lexicon of state erased was learned from texts that have been erased since: its file is gone for good.
alter table ops.lexicon drop constraint lexicon_state_check;
alter table ops.lexicon add constraint lexicon_state_check
check (state in ('promoted', 'retired', 'refused', 'erased'));

-- Units that left the memory when the slice was loaded.
alter table ops.slice add column removed bigint not null default 0;

-- Versions ---------------------------------------------------------------------------------------

-- Every version of a document pair that the memory has seen and does not hold: what a newer one replaced, and what came
-- after a newer one. The newest of these and of tm.document is what the memory holds, whatever the order of loads.
create table tm.withdrawn_document (
    store_id integer not null,
    document_key bytea not null,
    batch_id text not null,
    name text not null,
    src_lang text not null,
    tgt_lang text not null,
    partition_date date not null,
    generation bigint not null,
    content_hash text not null,
    -- The batch whose version stood above this one when it was put here.
    withdrawn_by text not null,
    withdrawn_at timestamptz not null default now(),
    -- What it said has been put away for its age: there is no going back to it.
    is_pruned boolean not null default false,
    primary key (store_id, document_key, batch_id)
) partition by hash (store_id);

-- What such a version said: the evidence as it was, with what its file said beside the texts.
create table tm.withdrawn (
    store_id integer not null,
    document_key bytea not null,
    batch_id text not null,
    unit_key bytea not null,
    position integer not null,
    tier text not null,
    aligner text not null,
    model_hash text not null,
    score real not null,
    facts jsonb,
    -- Its unit left the memory when this version was replaced: what `tm diff` calls removed.
    is_gone boolean not null default false,
    primary key (store_id, document_key, batch_id, unit_key)
) partition by hash (store_id);

-- The texts of units that only withdrawn versions say, with what people said of them. The memory has the others.
create table tm.withdrawn_unit (
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
    review_state text not null,
    primary key (store_id, unit_key)
) partition by hash (store_id);

-- Erasure ----------------------------------------------------------------------------------------

-- A text or a document that was erased and must not come back: hashes alone. Empty hashes say "any": a document, or a
-- source with whatever target. Every way into the memory asks here.
create table tm.tombstone (
    store_id integer not null,
    src_lang text not null,
    tgt_lang text not null,
    document_key bytea not null default '',
    src_hash bytea not null default '',
    tgt_hash bytea not null default '',
    journal_id bigint not null,
    primary key (store_id, src_lang, tgt_lang, document_key, src_hash, tgt_hash, journal_id),
    check ((document_key = '') <> (src_hash = ''))
) partition by hash (store_id);

-- One row an erasure, by the number of its journal entry, which says who did it, when and why.
create table ops.erasure (
    journal_id bigint primary key,
    store text not null,
    tombstones bigint not null,
    -- When the files of object storage were gone through; null: `tm erase --sweep` has work left.
    swept_at timestamptz,
    -- The journal entry that lifted it.
    lifted_by bigint
);

do $$
declare
    part integer;
    parent text;
begin
    foreach parent in array array['withdrawn_document', 'withdrawn', 'withdrawn_unit', 'tombstone'] loop
        for part in 0..7 loop
            execute format(
                'create table tm.%1$s_p%2$s partition of tm.%1$s for values with (modulus 8, remainder %2$s)', parent, part
            );
        end loop;
    end loop;
end;
$$;

create index withdrawn_unit_key on tm.withdrawn (store_id, unit_key);
create index withdrawn_batch on tm.withdrawn_document (store_id, batch_id);
create index withdrawn_above on tm.withdrawn_document (store_id, withdrawn_by);
create index withdrawn_unit_text on tm.withdrawn_unit (store_id, src_lang, tgt_lang, src_hash);
