-- Purpose:    the first verdict that stands on each sampled bead of a tier, with the confidence in its document.
-- Grain:      one row a bead.
-- Reads:      review.effective
-- Parameters: tier (text), since (date), until (date)
-- Repeatable: yes; reads only.
-- Returns:    confidence, is_right, weight
select distinct on (effective.batch_id, effective.document_key, effective.position)
    effective.confidence, effective.kind = 'accept' as is_right, effective.weight
from review.effective as effective
where
    effective.kind <> 'skip'
    and effective.origin = 'sample'
    and effective.tier = %(tier)s
    and effective.partition_date between %(since)s and %(until)s
order by effective.batch_id, effective.document_key, effective.position, effective.verdict_id;
