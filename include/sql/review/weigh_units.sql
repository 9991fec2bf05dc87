-- Purpose:    give units their best evidence again, and remove those that nobody says any more.
-- Grain:      one row of tm.unit a key.
-- Reads:      tm.evidence, tm.withdrawn
-- Writes:     tm.unit, tm.withdrawn_unit
-- Parameters: store_id (integer), units (bytea[])
-- Repeatable: yes; a second run changes no row.
with winner as materialized (
    -- The order of tm/upsert_units.
    select distinct on (evidence.store_id, evidence.unit_key) evidence.*
    from tm.evidence as evidence
    where evidence.store_id = %(store_id)s and evidence.unit_key = any(%(units)s::bytea[])
    order by
        evidence.store_id, evidence.unit_key, (evidence.tier = 'reviewed') desc, (evidence.tier = 'imported') desc,
        evidence.score desc, evidence.partition_date desc, evidence.document_key, evidence.position
),

gone as (
    delete from tm.unit as unit
    where
        unit.store_id = %(store_id)s
        and unit.unit_key = any(%(units)s::bytea[])
        and not exists (select from winner where winner.unit_key = unit.unit_key)
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
    unit.store_id = %(store_id)s
    and unit.unit_key = winner.unit_key
    and (
        unit.document_key, unit.position, unit.tier, unit.aligner, unit.model_hash, unit.score, unit.partition_date,
        unit.batch_id
    )
    is distinct from
    (
        winner.document_key, winner.position, winner.tier, winner.aligner, winner.model_hash, winner.score,
        winner.partition_date, winner.batch_id
    );
