-- Purpose:    a page of the review queue, most wanted first.
-- Grain:      one row an item.
-- Reads:      review.item
-- Parameters: who (text), state (text), after_priority (real), after_id (bigint), most (integer), store (text), src_lang (text), tgt_lang (text), tier (text), origin (text), batch_id (text), score_bin (integer)
--             filters are null for all
-- Repeatable: yes; reads only.
-- Returns:    the item's columns
select
    item.item_id, item.version, item.store, item.src_lang, item.tgt_lang, item.tier, item.score_bin, item.score,
    item.origin, item.priority, item.src_text, item.tgt_text, item.state, item.wanted, item.verdicts, item.disputed,
    %(who)s = any(item.reviewers) as is_mine, item.claimed_by, item.claimed_until, item.batch_id, item.partition_date,
    item.claimed_by <> '' and item.claimed_until > now() as is_claimed
from review.item as item
where
    case %(state)s
        when 'open' then
            item.state = 'open'
            and not %(who)s = any(item.reviewers)
            and (item.claimed_by in ('', %(who)s) or item.claimed_until <= now())
        when 'done' then item.state = 'done'
        when 'disputed' then item.disputed
        when 'mine' then %(who)s = any(item.reviewers)
    end
    and item.priority <= %(after_priority)s::real
    and (item.priority < %(after_priority)s::real or item.item_id > %(after_id)s)
    and (%(store)s::text is null or item.store = %(store)s)
    and (%(src_lang)s::text is null or item.src_lang = %(src_lang)s)
    and (%(tgt_lang)s::text is null or item.tgt_lang = %(tgt_lang)s)
    and (%(tier)s::text is null or item.tier = %(tier)s)
    and (%(origin)s::text is null or item.origin = %(origin)s)
    and (%(batch_id)s::text is null or item.batch_id = %(batch_id)s)
    and (%(score_bin)s::integer is null or item.score_bin = %(score_bin)s)
order by item.priority desc, item.item_id
limit %(most)s;
