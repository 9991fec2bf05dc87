-- Purpose:    a unit, in the memory or out of it.
-- Grain:      one row, or none.
-- Reads:      tm.unit, tm.withdrawn_unit, review.removed, review.change
-- Parameters: store_id (integer), store (text), unit_key (bytea)
-- Repeatable: yes; reads only.
-- Returns:    src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, in_memory, review_state
select src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, true as in_memory, review_state, 1 as place
from tm.unit
where store_id = %(store_id)s and unit_key = %(unit_key)s
union all
select
    src_lang, tgt_lang, unit ->> 'src_text', unit ->> 'tgt_text', src_hash, tgt_hash, false, 'rejected', 2
from review.removed
where store_id = %(store_id)s and unit_key = %(unit_key)s
union all
select src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, false, review_state, 3
from tm.withdrawn_unit
where store_id = %(store_id)s and unit_key = %(unit_key)s
union all
select change.src_lang, change.tgt_lang, change.src_text, change.tgt_text, change.src_hash, change.tgt_hash, false, '', 4
from review.verdict as verdict
join review.change as change using (verdict_key)
where
    verdict.store = %(store)s
    and (verdict.unit_key = %(unit_key)s and change.side = 'before' or change.unit_key = %(unit_key)s)
    and (verdict.unit_key = %(unit_key)s or change.side = 'after')
order by place
limit 1;
