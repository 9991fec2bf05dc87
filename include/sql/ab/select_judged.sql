-- Purpose:    what people said of each side's beads: of each bead the first verdict that stands.
-- Grain:      one row a side with verdicts.
-- Reads:      review.blind, review.effective
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    side, right_ones, total
with first as (
    select distinct on (blind.document_key, blind.position) blind.side, effective.kind = 'accept' as is_right
    from review.blind as blind
    join review.effective as effective using (batch_id, document_key, position)
    where blind.batch_id = %(batch_id)s and effective.kind <> 'skip'
    order by blind.document_key, blind.position, effective.verdict_id
)

select side, count(*) filter (where is_right)::integer as right_ones, count(*)::integer as total
from first
group by side
order by side;
