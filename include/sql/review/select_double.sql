-- Purpose:    the first and the second judgement of every bead that two people judged.
-- Grain:      one row a bead.
-- Reads:      review.effective
-- Parameters: store (text), since (date), until (date)
--             store is null for all
-- Repeatable: yes; reads only.
-- Returns:    src_lang, tgt_lang, first, second
with placed as (
    select
        effective.*,
        row_number() over (
            partition by effective.batch_id, effective.document_key, effective.position order by effective.verdict_id
        ) as place
    from review.effective as effective
    where
        effective.kind <> 'skip'
        and effective.origin = 'sample'
        and (%(store)s::text is null or effective.store = %(store)s)
        and effective.partition_date between %(since)s and %(until)s
)

select one.src_lang, one.tgt_lang, one.kind as first, other.kind as second
from placed as one
join placed as other using (batch_id, document_key, position)
where one.place = 1 and other.place = 2
order by one.src_lang, one.tgt_lang, one.verdict_id;
