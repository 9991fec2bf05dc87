-- Purpose:    offer the units of other stores that have refused texts to reviewers: one store does not speak for
--             another, but its reviewers should see it.
-- Grain:      one row of review.item a unit.
-- Reads:      review.unsettled, review.effective, review.change, tm.store, tm.unit, ops.batch
-- Writes:     review.item
-- Parameters: store (text), bins (double precision[])
--             bins: the upper bounds of the score bins but the last
-- Repeatable: yes; a bead that is in the queue, judged or not, stays as it is.
insert into review.item (
    batch_id, store, document_key, position, unit_key, src_lang, tgt_lang, tier, score_bin, weight, score, src_text,
    tgt_text, origin, priority, partition_date, src_hash, tgt_hash, context, prev_hash, next_hash, item_key
)
select distinct on (unit.batch_id, unit.document_key, unit.position)
    unit.batch_id, other.name, unit.document_key, unit.position, unit.unit_key, unit.src_lang, unit.tgt_lang, unit.tier,
    width_bucket(unit.score::double precision, %(bins)s::double precision[]), 0, unit.score, unit.src_text,
    unit.tgt_text, 'twin', 1, unit.partition_date, unit.src_hash, unit.tgt_hash, unit.context, unit.prev_hash,
    unit.next_hash, unit.item_key
from review.unsettled as waiting
join review.effective as effective using (verdict_key)
join review.change as change on change.verdict_key = effective.verdict_key and not change.is_right
join tm.store as other on other.name <> waiting.store
join tm.unit as unit
    on
        unit.store_id = other.store_id
        and unit.src_lang = change.src_lang
        and unit.tgt_lang = change.tgt_lang
        and unit.src_hash = change.src_hash
        and unit.tgt_hash = change.tgt_hash
join ops.batch as batch on batch.batch_id = unit.batch_id
where waiting.store = %(store)s and unit.tier <> 'reviewed'
order by unit.batch_id, unit.document_key, unit.position, unit.unit_key
on conflict (batch_id, document_key, position) do nothing;
