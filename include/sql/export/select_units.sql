-- Purpose:    the units of one store and language pair that an export wants, document by document in their order.
-- Grain:      one row a unit.
-- Reads:      tm.unit, tm.document, tm.extra
-- Parameters: store_id (integer), src_lang (text), tgt_lang (text), min_score (real), tiers (text), reviewed_only (boolean)
-- Repeatable: yes; reads only.
-- Returns:    texts, hashes of the place, what is known of the unit, its document's name, and what its file said (json)
select
    unit.src_text,
    unit.tgt_text,
    unit.item_key,
    unit.src_hash,
    unit.context,
    unit.prev_hash,
    unit.next_hash,
    unit.document_key,
    unit.tier,
    unit.score,
    unit.review_state,
    unit.partition_date,
    document.name,
    extra.facts
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
