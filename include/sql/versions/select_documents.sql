-- Purpose:    the document pairs that a roll-back changes, and what they go back to.
-- Reads:      fresh, tm.store
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    store, name, src_lang, tgt_lang, batch_id (null: the document leaves the memory), partition_date,
--             is_pruned
select store.name as store, fresh.name, fresh.src_lang, fresh.tgt_lang, fresh.batch_id, fresh.partition_date,
    fresh.is_pruned
from fresh
join tm.store as store using (store_id)
order by store.name, fresh.name, fresh.src_lang, fresh.tgt_lang;
