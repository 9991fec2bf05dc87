-- Purpose:    claim the first item under a filter that a reviewer can judge; two at once get two.
-- Reads:      review.item
-- Writes:     review.item
-- Parameters: who (text), minutes (integer), store (text), src_lang (text), tgt_lang (text), tier (text), origin (text), batch_id (text), score_bin (integer)
--             filters are null for all
-- Repeatable: yes; a reviewer gets the item that is held already.
-- Returns:    item_id, or no row
with next as (
    select item.item_id
    from review.item as item
    where
        item.state = 'open'
        and not %(who)s = any(item.reviewers)
        and (item.claimed_by in ('', %(who)s) or item.claimed_until <= now())
        and (%(store)s::text is null or item.store = %(store)s)
        and (%(src_lang)s::text is null or item.src_lang = %(src_lang)s)
        and (%(tgt_lang)s::text is null or item.tgt_lang = %(tgt_lang)s)
        and (%(tier)s::text is null or item.tier = %(tier)s)
        and (%(origin)s::text is null or item.origin = %(origin)s)
        and (%(batch_id)s::text is null or item.batch_id = %(batch_id)s)
        and (%(score_bin)s::integer is null or item.score_bin = %(score_bin)s)
    order by item.priority desc, item.item_id
    limit 1
    for update skip locked
)
update review.item as item
set claimed_by = %(who)s, claimed_until = now() + make_interval(mins => %(minutes)s)
from next
where item.item_id = next.item_id
returning item.item_id;
