-- Purpose:    add a verdict, or the undo of one, on a review item; everything that it counts by stands in the row.
-- Reads:      review.item
-- Writes:     review.verdict
-- Parameters: item_id (bigint), verdict_key (bytea), who (text), kind (text), correction (text), undoes (bytea), note (text), seconds (real)
-- Repeatable: no; rows are only added.
-- Returns:    the row
insert into review.verdict (
    verdict_key, who, kind, correction, undoes, note, seconds, batch_id, document_key, position, partition_date, store,
    src_lang, tgt_lang, tier, score_bin, score, confidence, weight, origin, unit_key
)
select
    %(verdict_key)s, %(who)s, %(kind)s, %(correction)s, %(undoes)s, %(note)s, %(seconds)s, item.batch_id,
    item.document_key, item.position, coalesce(item.partition_date, batch.partition_date), item.store, item.src_lang,
    item.tgt_lang, item.tier, item.score_bin, item.score, item.confidence, item.weight, item.origin, item.unit_key
from review.item as item
join ops.batch as batch using (batch_id)
where item.item_id = %(item_id)s
returning *;
