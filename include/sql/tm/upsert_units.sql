-- Purpose:    give every unit that a load touched its best evidence: a person's correction before an imported pair, that
--             before an aligned one, then the higher score, the later partition date, and the hash of the document. Never
--             the order in which batches came.
-- Grain:      one row of tm.unit per (store_id, unit_key).
-- Reads:      touched, incoming, fresh, tm.evidence, tm.withdrawn_unit
-- Writes:     tm.unit
-- Parameters: none
-- Repeatable: yes; a second run changes no row.
-- Returns:    inserted
with added as (
    -- What the memory did not have: nothing but the documents at hand says it, and what they say best is known.
    insert into tm.unit (
        store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
        item_key, document_key, position, tier, aligner, model_hash, score, partition_date, batch_id, review_state
    )
    select
        incoming.store_id, incoming.unit_key, incoming.src_lang, incoming.tgt_lang, incoming.src_text,
        incoming.tgt_text, incoming.src_hash, incoming.tgt_hash, incoming.context, incoming.prev_hash,
        incoming.next_hash, incoming.item_key, incoming.document_key, incoming.position, incoming.tier,
        incoming.aligner, incoming.model_hash, incoming.score, fresh.partition_date, fresh.batch_id,
        -- A unit that was judged, left and comes back is judged still.
        coalesce(before.review_state, 'unreviewed')
    from touched
    join incoming
        on incoming.store_id = touched.store_id and incoming.unit_key = touched.unit_key and incoming.rank_in_batch = 1
    -- A document is of one store. Of a join on both columns the planner would expect a few rows, and hash the beads.
    join fresh on fresh.document_key = incoming.document_key
    left join tm.withdrawn_unit as before
        on before.store_id = touched.store_id and before.unit_key = touched.unit_key
    where touched.old_tier is null
    returning unit_key
),

winner as (
    select distinct on (evidence.store_id, evidence.unit_key) evidence.*
    from touched
    join tm.evidence as evidence using (store_id, unit_key)
    where touched.old_tier is not null
    order by
        evidence.store_id, evidence.unit_key, (evidence.tier = 'reviewed') desc, (evidence.tier = 'imported') desc,
        evidence.score desc, evidence.partition_date desc, evidence.document_key, evidence.position
),

changed as (
    -- Its texts, which its key is made of, are in the memory already.
    update tm.unit as unit
    set
        document_key = winner.document_key,
        position = winner.position,
        tier = winner.tier,
        aligner = winner.aligner,
        model_hash = winner.model_hash,
        score = winner.score,
        partition_date = winner.partition_date,
        batch_id = winner.batch_id,
        updated_at = now()
    from winner
    where
        unit.store_id = winner.store_id
        and unit.unit_key = winner.unit_key
        and (
            unit.document_key, unit.position, unit.tier, unit.aligner, unit.model_hash, unit.score,
            unit.partition_date, unit.batch_id
        )
        is distinct from
        (
            winner.document_key, winner.position, winner.tier, winner.aligner, winner.model_hash, winner.score,
            winner.partition_date, winner.batch_id
        )
)

select count(*) as inserted from added;
