-- Purpose:    the units of one store and language pair as a table: the columns of an exported TSV or Parquet file.
-- Grain:      one row a unit, document by document in their order.
-- Reads:      tm.unit, tm.document, tm.extra
-- Parameters: store_id (integer), src_lang (text), tgt_lang (text), min_score (real), tiers (text), reviewed_only (boolean)
-- Repeatable: yes; reads only.
-- Returns:    src_text, tgt_text, score, tier, review_state, document, key, date
select
    -- As the file wrote them, white space and all.
    coalesce(extra.facts -> 'src' ->> 'text', unit.src_text) as src_text,
    coalesce(extra.facts -> 'tgt' ->> 'text', unit.tgt_text) as tgt_text,
    unit.score,
    unit.tier,
    unit.review_state,
    coalesce(document.name, '') as document,
    unit.item_key as key,
    unit.partition_date as date
from tm.unit as unit
left join tm.document as document
    on document.store_id = unit.store_id and document.document_key = unit.document_key
left join tm.extra as extra
    on
        extra.store_id = unit.store_id
        and extra.document_key = unit.document_key
        and extra.unit_key = unit.unit_key
where
    unit.store_id = %(store_id)s
    and unit.src_lang = %(src_lang)s
    and unit.tgt_lang = %(tgt_lang)s
    and unit.score >= %(min_score)s::real
    and (%(tiers)s::text[] is null or unit.tier = any(%(tiers)s))
    and unit.review_state <> 'rejected'
    and (not %(reviewed_only)s or unit.review_state = 'accepted')
order by unit.document_key, unit.position, unit.unit_key;
