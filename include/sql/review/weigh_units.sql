-- Purpose:    give units their best evidence again, and remove those that nobody says any more.
-- Grain:      one row of tm.unit a key.
-- Reads:      tm.evidence
-- Writes:     tm.unit
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
