-- Purpose:    the windows round a store's review items, to be asked bead by bead.
-- Reads:      review.item
-- Parameters: store (text)
-- Repeatable: yes; reads only.
-- Returns:    item_id, src_lang, tgt_lang, around
select item.item_id, item.src_lang, item.tgt_lang, item.around
from review.item as item
where item.store = %(store)s and item.around <> '{}';
