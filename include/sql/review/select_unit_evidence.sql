-- Purpose:    the documents that say a unit, or said it.
-- Grain:      one row a document and version.
-- Reads:      tm.evidence, tm.document, tm.withdrawn, tm.withdrawn_document, review.removed, tm.ruling, review.verdict
-- Parameters: store_id (integer), unit_key (bytea)
-- Repeatable: yes; reads only.
-- Returns:    document, partition_date, batch_id, tier, aligner, score, position, withdrawn_at
select
    coalesce(document.name, '') as document, evidence.partition_date, evidence.batch_id, evidence.tier, evidence.aligner,
    evidence.score, evidence.position, null::timestamptz as withdrawn_at
from tm.evidence as evidence
left join tm.document as document
    on document.store_id = %(store_id)s and document.document_key = evidence.document_key
where evidence.store_id = %(store_id)s and evidence.unit_key = %(unit_key)s
union all
select
    version.name, version.partition_date, version.batch_id, withdrawn.tier, withdrawn.aligner, withdrawn.score,
    withdrawn.position, version.withdrawn_at
from tm.withdrawn as withdrawn
join tm.withdrawn_document as version
    on
        version.store_id = %(store_id)s
        and version.document_key = withdrawn.document_key
        and version.batch_id = withdrawn.batch_id
where withdrawn.store_id = %(store_id)s and withdrawn.unit_key = %(unit_key)s
union all
select
    coalesce(document.name, ''), evidence.partition_date, evidence.batch_id, evidence.tier, evidence.aligner,
    evidence.score, evidence.position, coalesce(verdict.at, now())
from review.removed as removed
cross join jsonb_populate_record(null::tm.evidence, removed.evidence) as evidence
left join tm.document as document
    on document.store_id = %(store_id)s and document.document_key = removed.document_key
left join tm.ruling as ruling
    on
        ruling.store_id = %(store_id)s
        and ruling.src_lang = removed.src_lang
        and ruling.tgt_lang = removed.tgt_lang
        and ruling.src_hash = removed.src_hash
        and ruling.tgt_hash = removed.tgt_hash
left join review.verdict as verdict on verdict.verdict_key = ruling.verdict_key
where removed.store_id = %(store_id)s and removed.unit_key = %(unit_key)s
order by partition_date desc, batch_id, position;
