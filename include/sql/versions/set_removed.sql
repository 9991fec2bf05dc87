-- Purpose:    note in a slice how many units left the memory when it was loaded.
-- Reads:      tm.store
-- Writes:     ops.slice
-- Parameters: batch_id (text), store_id (integer), src_lang (text), tgt_lang (text), removed (bigint)
-- Repeatable: yes.
update ops.slice as slice
set removed = %(removed)s
from tm.store as store
where
    store.store_id = %(store_id)s
    and slice.batch_id = %(batch_id)s
    and slice.store = store.name
    and slice.src_lang = %(src_lang)s
    and slice.tgt_lang = %(tgt_lang)s;
