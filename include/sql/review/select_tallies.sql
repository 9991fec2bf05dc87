-- Purpose:    verdicts on sampled beads, summed by stratum and partition date; of each bead the first that stands.
-- Grain:      one row a stratum and date with verdicts.
-- Reads:      review.effective
-- Parameters: store (text), src_lang (text), tgt_lang (text), since (date), until (date)
--             store and languages are null for all
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, tier, score_bin, partition_date, verdicts, correct, weight, weight_squared,
--             weight_correct
with first as (
    select distinct on (effective.batch_id, effective.document_key, effective.position) effective.*
    from review.effective as effective
    where
        effective.kind <> 'skip'
        and effective.origin = 'sample'
        and (%(store)s::text is null or effective.store = %(store)s)
        and (%(src_lang)s::text is null or effective.src_lang = %(src_lang)s)
        and (%(tgt_lang)s::text is null or effective.tgt_lang = %(tgt_lang)s)
        and effective.partition_date between %(since)s and %(until)s
    order by effective.batch_id, effective.document_key, effective.position, effective.verdict_id
)

select
    first.store, first.src_lang, first.tgt_lang, first.tier, first.score_bin, first.partition_date,
    count(*)::integer as verdicts,
    count(*) filter (where first.kind = 'accept')::integer as correct,
    sum(first.weight) as weight,
    sum(first.weight * first.weight) as weight_squared,
    coalesce(sum(first.weight) filter (where first.kind = 'accept'), 0) as weight_correct
from first
group by first.store, first.src_lang, first.tgt_lang, first.tier, first.score_bin, first.partition_date
order by first.store, first.src_lang, first.tgt_lang, first.tier, first.score_bin, first.partition_date;
