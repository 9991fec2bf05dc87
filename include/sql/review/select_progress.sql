-- Purpose:    how far the review of the items under a filter has come.
-- Grain:      one row.
-- Reads:      review.item, review.effective
-- Parameters: who (text), store (text), src_lang (text), tgt_lang (text), tier (text), origin (text), batch_id (text), score_bin (integer)
--             filters are null for all
-- Repeatable: yes; reads only.
-- Returns:    open, for_me, done, disputed, mine, mine_today, seconds
with counted as (
    select
        count(*) filter (where item.state = 'open')::integer as open,
        count(*) filter (
            where
                item.state = 'open'
                and not %(who)s = any(item.reviewers)
                and (item.claimed_by in ('', %(who)s) or item.claimed_until <= now())
        )::integer as for_me,
        count(*) filter (where item.state = 'done')::integer as done,
        count(*) filter (where item.disputed)::integer as disputed
    from review.item as item
    where
        (%(store)s::text is null or item.store = %(store)s)
        and (%(src_lang)s::text is null or item.src_lang = %(src_lang)s)
        and (%(tgt_lang)s::text is null or item.tgt_lang = %(tgt_lang)s)
        and (%(tier)s::text is null or item.tier = %(tier)s)
        and (%(origin)s::text is null or item.origin = %(origin)s)
        and (%(batch_id)s::text is null or item.batch_id = %(batch_id)s)
        and (%(score_bin)s::integer is null or item.score_bin = %(score_bin)s)
),

judged as (
    select
        count(*)::integer as mine,
        count(*) filter (where effective.at >= date_trunc('day', now()))::integer as mine_today
    from review.effective as effective
    where effective.who = %(who)s and effective.kind <> 'skip'
),

paced as (
    select percentile_cont(0.5) within group (order by latest.seconds) as seconds
    from (
        select verdict.seconds
        from review.verdict as verdict
        where verdict.who = %(who)s and verdict.kind in ('accept', 'wrong', 'partial') and verdict.seconds > 0
        order by verdict.verdict_id desc
        limit 50
    ) as latest
)

select
    counted.open, counted.for_me, counted.done, counted.disputed, judged.mine, judged.mine_today,
    coalesce(paced.seconds, 0)::double precision as seconds
from counted, judged, paced;
