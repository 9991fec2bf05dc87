-- Purpose:    bring items to what the verdicts on them say: who has judged, whether it is enough, whether they agree; and
--             count each item's version up, because somebody wrote it.
-- Grain:      one row a bead.
-- Reads:      review.verdict, review.effective
-- Writes:     review.item
-- Parameters: batch_id (text), document_key (bytea), position (integer)
--             null: every item of the batch
-- Repeatable: yes; the version is the number of rows that speak of the item.
with told as (
    select
        item.item_id,
        coalesce(
            array_agg(distinct effective.who) filter (where effective.who is not null), '{}'
        ) as reviewers,
        count(*) filter (where effective.kind <> 'skip')::smallint as verdicts,
        coalesce(bool_or(effective.kind = 'accept') and bool_or(effective.kind in ('wrong', 'partial')), false) as disputed,
        max(effective.at) filter (where effective.kind <> 'skip') as done_at,
        (
            select count(*)
            from review.verdict as verdict
            where
                verdict.batch_id = item.batch_id
                and verdict.document_key = item.document_key
                and verdict.position = item.position
        ) as version
    from review.item as item
    left join review.effective as effective using (batch_id, document_key, position)
    where
        item.batch_id = %(batch_id)s
        and (%(document_key)s::bytea is null or item.document_key = %(document_key)s)
        and (%(position)s::integer is null or item.position = %(position)s)
    group by item.batch_id, item.document_key, item.position
)
update review.item as item
set
    reviewers = told.reviewers,
    verdicts = told.verdicts,
    disputed = told.disputed,
    version = told.version,
    state = case when told.verdicts >= item.wanted then 'done' else 'open' end,
    done_at = case when told.verdicts >= item.wanted then told.done_at end,
    claimed_by = '',
    claimed_until = 'epoch'
from told
where item.item_id = told.item_id and item.version <> told.version;
