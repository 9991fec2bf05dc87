-- Purpose:    take the units with refused texts out of a store, in whatever document and context they stand, and keep
--             what was known of them for an undo. A correction is not kept: its own row says it.
-- Reads:      tm.ruling, tm.document, tm.withdrawn
-- Writes:     tm.unit, tm.evidence, tm.extra (by its key), tm.withdrawn_unit, review.removed
-- Parameters: store_id (integer), pairs (jsonb)
--             pairs as review/select_ruled returns them
-- Repeatable: yes.
-- Returns:    removed (units)
with refused as materialized (
    select unit.*
    from tm.ruling as ruling
    join tm.unit as unit
        on
            unit.store_id = %(store_id)s
            and unit.src_lang = ruling.src_lang
            and unit.tgt_lang = ruling.tgt_lang
            and unit.src_hash = ruling.src_hash
            and unit.tgt_hash = ruling.tgt_hash
    where
        ruling.store_id = %(store_id)s
        and ruling.is_rejected
        and (ruling.src_hash, ruling.tgt_hash) in (
            select pair.src_hash, pair.tgt_hash
            from jsonb_to_recordset(%(pairs)s) as pair (src_hash bytea, tgt_hash bytea)
        )
),

kept as (
    insert into review.removed (
        store_id, document_key, unit_key, src_lang, tgt_lang, src_hash, tgt_hash, content_hash, evidence, unit, extra
    )
    select
        refused.store_id, evidence.document_key, refused.unit_key, refused.src_lang, refused.tgt_lang, refused.src_hash,
        refused.tgt_hash, coalesce(document.content_hash, ''), to_jsonb(evidence), to_jsonb(refused), extra.facts
    from refused
    join tm.evidence as evidence
        on evidence.store_id = %(store_id)s and evidence.unit_key = refused.unit_key and evidence.tier <> 'reviewed'
    left join tm.document as document
        on document.store_id = %(store_id)s and document.document_key = evidence.document_key
    left join tm.extra as extra
        on
            extra.store_id = %(store_id)s
            and extra.document_key = evidence.document_key
            and extra.unit_key = evidence.unit_key
    on conflict (store_id, document_key, unit_key) do update
        set
            content_hash = excluded.content_hash,
            evidence = excluded.evidence,
            unit = excluded.unit,
            extra = excluded.extra
),

unsaid as (
    delete from tm.evidence as evidence using refused
    where evidence.store_id = %(store_id)s and evidence.unit_key = refused.unit_key
),

gone as (
    delete from tm.unit as unit using refused
    where unit.store_id = %(store_id)s and unit.unit_key = refused.unit_key
    returning unit.*
),

kept_texts as (
    -- As tm/delete_units: a version that was replaced may still say them.
    insert into tm.withdrawn_unit (
        store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
        item_key, review_state
    )
    select
        %(store_id)s, gone.unit_key, gone.src_lang, gone.tgt_lang, gone.src_text, gone.tgt_text, gone.src_hash,
        gone.tgt_hash, gone.context, gone.prev_hash, gone.next_hash, gone.item_key, 'unreviewed'
    from gone
    where
        exists (
            select
            from tm.withdrawn as withdrawn
            where withdrawn.store_id = %(store_id)s and withdrawn.unit_key = gone.unit_key
        )
    on conflict (store_id, unit_key) do nothing
)

select count(*) as removed from gone;
