-- Purpose:    the pairs of texts of one store and language pair, the same pair's units one after the other, each with the
--             documents that say it: what a corpus without duplicates, split by document, is made of.
-- Grain:      one row a unit.
-- Reads:      tm.unit, tm.evidence
-- Parameters: store_id (integer), src_lang (text), tgt_lang (text), min_score (real), tiers (text), reviewed_only (boolean)
-- Repeatable: yes; reads only.
-- Returns:    src_hash, tgt_hash, src_text, tgt_text, documents
select
    unit.src_hash,
    unit.tgt_hash,
    unit.src_text,
    unit.tgt_text,
    array(
        select evidence.document_key
        from tm.evidence as evidence
        where evidence.store_id = unit.store_id and evidence.unit_key = unit.unit_key
    ) as documents
from tm.unit as unit
where
    unit.store_id = %(store_id)s
    and unit.src_lang = %(src_lang)s
    and unit.tgt_lang = %(tgt_lang)s
    and unit.score >= %(min_score)s::real
    and (%(tiers)s::text[] is null or unit.tier = any(%(tiers)s))
    and unit.review_state <> 'rejected'
    and (not %(reviewed_only)s or unit.review_state = 'accepted')
order by unit.src_hash, unit.tgt_hash;
