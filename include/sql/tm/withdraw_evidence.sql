-- Purpose:    put aside what the replaced versions of document pairs said.
-- Grain:      one row of tm.withdrawn per (store_id, document_key, batch_id, unit_key).
-- Reads:      fresh, tm.evidence, tm.extra
-- Writes:     tm.withdrawn
-- Parameters: none
-- Repeatable: once a load.
insert into tm.withdrawn (
    store_id, document_key, batch_id, unit_key, position, tier, aligner, model_hash, score, facts
)
select
    evidence.store_id, evidence.document_key, evidence.batch_id, evidence.unit_key, evidence.position, evidence.tier,
    evidence.aligner, evidence.model_hash, evidence.score, extra.facts
from fresh
join tm.evidence as evidence
    on
        evidence.store_id = fresh.store_id
        and evidence.document_key = fresh.document_key
        and evidence.batch_id = fresh.old_batch_id
left join tm.extra as extra
    on
        extra.store_id = evidence.store_id
        and extra.document_key = evidence.document_key
        and extra.unit_key = evidence.unit_key
where fresh.keeps_old;
