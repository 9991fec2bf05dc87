-- Purpose:    count the review items of a batch.
-- Reads:      review.item
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    items, strata
select count(*) as items, count(distinct (store, src_lang, tgt_lang, tier, score_bin)) as strata
from review.item
where batch_id = %(batch_id)s;
