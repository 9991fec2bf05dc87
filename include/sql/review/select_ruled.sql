-- Purpose:    the pairs of texts that waiting verdicts speak of, with what all standing verdicts on them come to: a
--             refusal outweighs any number of others.
-- Grain:      one row a pair of texts.
-- Reads:      review.unsettled, review.verdict, review.change, review.effective
-- Parameters: store (text)
-- Repeatable: yes; reads only.
-- Returns:    src_lang, tgt_lang, src_hash, tgt_hash (hexadecimal, \x before them), is_rejected (null: nobody says
--             anything any more), verdict_key
with spoken as (
    select distinct change.store, change.src_lang, change.tgt_lang, change.src_hash, change.tgt_hash
    from review.unsettled as waiting
    join review.verdict as verdict using (verdict_key)
    join review.change as change on change.verdict_key = coalesce(verdict.undoes, verdict.verdict_key)
    where waiting.store = %(store)s
)

select
    spoken.src_lang, spoken.tgt_lang, spoken.src_hash::text as src_hash, spoken.tgt_hash::text as tgt_hash,
    ruled.is_rejected, ruled.verdict_key::text as verdict_key
from spoken
left join lateral (
    select not change.is_right as is_rejected, change.verdict_key
    from review.change as change
    join review.effective as effective using (verdict_key)
    where
        change.store = spoken.store
        and change.src_lang = spoken.src_lang
        and change.tgt_lang = spoken.tgt_lang
        and change.src_hash = spoken.src_hash
        and change.tgt_hash = spoken.tgt_hash
    order by change.is_right, effective.verdict_id desc
    limit 1
) as ruled on true;
