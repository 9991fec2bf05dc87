-- Purpose:    collect the beads that a load brings, best evidence for a unit first.
-- Grain:      one row a staged bead that passed the filter, in a document pair that is not stale, and is not buried.
-- Reads:      staging.bead, fresh, buried
-- Writes:     incoming (temporary, gone with the transaction)
-- Parameters: batch_id (text)
-- Repeatable: once a transaction.
create temporary table incoming on commit drop as
select
    fresh.store_id,
    bead.document_key,
    bead.position,
    bead.unit_key,
    bead.src_lang,
    bead.tgt_lang,
    bead.src_text,
    bead.tgt_text,
    bead.src_hash,
    bead.tgt_hash,
    bead.context,
    bead.prev_hash,
    bead.next_hash,
    bead.item_key,
    bead.tier,
    bead.aligner,
    bead.model_hash,
    bead.score,
    -- Sorted by one column, whose first eight bytes tell most rows apart: a fifth off this statement's time.
    row_number() over (
        partition by int4send(fresh.store_id) || bead.unit_key
        order by (bead.tier = 'imported') desc, bead.score desc, bead.document_key, bead.position
    ) as rank_in_batch,
    row_number() over (
        partition by int4send(fresh.store_id) || bead.unit_key, bead.document_key order by bead.score desc, bead.position
    ) as rank_in_document
from staging.bead as bead
join fresh on fresh.document_key = bead.document_key and not fresh.is_stale
where
    bead.batch_id = %(batch_id)s
    and bead.rule = ''
    and not exists (
        select
        from buried
        where buried.document_key = bead.document_key and buried.position = bead.position
    );
