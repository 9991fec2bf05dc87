-- Purpose:    the stores, pairs and tiers that have review items.
-- Grain:      one row a store, pair and tier.
-- Reads:      review.item
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, tier, open, done
select
    item.store, item.src_lang, item.tgt_lang, item.tier,
    count(*) filter (where item.state = 'open')::integer as open,
    count(*) filter (where item.state = 'done')::integer as done
from review.item as item
-- What tier a blind item is of is not to be seen.
where item.origin <> 'blind' or item.state = 'done'
group by item.store, item.src_lang, item.tgt_lang, item.tier
order by item.store, item.src_lang, item.tgt_lang, item.tier;
