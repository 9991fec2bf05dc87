-- Purpose:    what each reviewer did between two days.
-- Grain:      one row a reviewer.
-- Reads:      review.verdict
-- Parameters: since (date), until (date)
-- Repeatable: yes; reads only.
-- Returns:    who, verdicts, accepted, corrected, skipped, undone, seconds
select
    verdict.who,
    count(*) filter (where verdict.kind in ('accept', 'wrong', 'partial'))::integer as verdicts,
    count(*) filter (where verdict.kind = 'accept')::integer as accepted,
    count(*) filter (where verdict.correction <> '')::integer as corrected,
    count(*) filter (where verdict.kind = 'skip')::integer as skipped,
    count(*) filter (where verdict.kind = 'undo')::integer as undone,
    coalesce(
        percentile_cont(0.5) within group (order by verdict.seconds) filter (where verdict.seconds > 0), 0
    )::double precision as seconds
from review.verdict as verdict
where verdict.at >= %(since)s and verdict.at < %(until)s::date + 1
group by verdict.who
order by verdicts desc, verdict.who;
