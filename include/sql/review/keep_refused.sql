-- Purpose:    keep what a merge left out because people refused it, so that an undo brings it in.
-- Grain:      one row of review.removed a document and unit.
-- Reads:      refused, fresh
-- Writes:     review.removed
-- Parameters: none
-- Repeatable: yes.
insert into review.removed (
    store_id, document_key, unit_key, src_lang, tgt_lang, src_hash, tgt_hash, content_hash, evidence, unit
)
select
    refused.store_id, refused.document_key, refused.unit_key, refused.src_lang, refused.tgt_lang, refused.src_hash,
    refused.tgt_hash, fresh.content_hash, facts.row, facts.row
from refused
join fresh on fresh.store_id = refused.store_id and fresh.document_key = refused.document_key and not fresh.is_gone
cross join lateral (
    select
        to_jsonb(refused) || jsonb_build_object(
            'partition_date', fresh.partition_date,
            'batch_id', fresh.batch_id,
            'review_state', 'unreviewed',
            'created_at', now(),
            'updated_at', now()
        ) as row
) as facts
where refused.rank_in_document = 1
on conflict (store_id, document_key, unit_key) do update
    set
        content_hash = excluded.content_hash,
        evidence = excluded.evidence,
        unit = excluded.unit;
