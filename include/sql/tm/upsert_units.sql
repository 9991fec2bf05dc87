-- Purpose:    give every unit that a load touched its best evidence: imported before aligned, then the higher score, the
--             later partition date, and the hash of the document. Never the order in which batches came.
-- Grain:      one row of tm.unit per (store_id, unit_key).
-- Reads:      touched, incoming, tm.evidence, tm.withdrawn_unit
-- Writes:     tm.unit
-- Parameters: none
-- Repeatable: yes; a second run changes no row.
-- Returns:    inserted
with winner as (
    select distinct on (evidence.store_id, evidence.unit_key) evidence.*
    from touched
    join tm.evidence as evidence using (store_id, unit_key)
    order by
        evidence.store_id, evidence.unit_key, (evidence.tier = 'imported') desc, evidence.score desc,
        evidence.partition_date desc, evidence.document_key, evidence.position
),

reworded as (
    -- Units whose evidence changed without this load saying them: their texts are in the memory already.
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
        and not exists (
            select from incoming where incoming.store_id = winner.store_id and incoming.unit_key = winner.unit_key
        )
        and (unit.document_key, unit.position, unit.tier, unit.aligner, unit.model_hash, unit.score, unit.partition_date, unit.batch_id)
        is distinct from
        (
            winner.document_key, winner.position, winner.tier, winner.aligner, winner.model_hash, winner.score,
            winner.partition_date, winner.batch_id
        )
),

merged as (
    insert into tm.unit as known (
        store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
        item_key, document_key, position, tier, aligner, model_hash, score, partition_date, batch_id, review_state
    )
    select
        winner.store_id, winner.unit_key, incoming.src_lang, incoming.tgt_lang, incoming.src_text, incoming.tgt_text,
        incoming.src_hash, incoming.tgt_hash, incoming.context, incoming.prev_hash, incoming.next_hash,
        incoming.item_key, winner.document_key, winner.position, winner.tier, winner.aligner, winner.model_hash,
        winner.score, winner.partition_date, winner.batch_id,
        -- A unit that was judged, left and comes back is judged still.
        coalesce(before.review_state, 'unreviewed')
    from winner
    join incoming
        on incoming.store_id = winner.store_id and incoming.unit_key = winner.unit_key and incoming.rank_in_batch = 1
    left join tm.withdrawn_unit as before
        on before.store_id = winner.store_id and before.unit_key = winner.unit_key
    on conflict (store_id, unit_key) do update
        set
            document_key = excluded.document_key,
            position = excluded.position,
            tier = excluded.tier,
            aligner = excluded.aligner,
            model_hash = excluded.model_hash,
            score = excluded.score,
            partition_date = excluded.partition_date,
            batch_id = excluded.batch_id,
            updated_at = now()
        where
            (
                known.document_key, known.position, known.tier, known.aligner, known.model_hash, known.score,
                known.partition_date, known.batch_id
            )
            is distinct from
            (
                excluded.document_key, excluded.position, excluded.tier, excluded.aligner, excluded.model_hash,
                excluded.score, excluded.partition_date, excluded.batch_id
            )
    returning store_id, unit_key
)

select count(*) as inserted
from merged
join touched using (store_id, unit_key)
where touched.old_tier is null;
