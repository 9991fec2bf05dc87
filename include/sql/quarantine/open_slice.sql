-- Purpose:    take back what the load said of a slice that it did not load, so that it can be decided on anew.
-- Writes:     ops.slice
-- Parameters: batch_id (text), store (text), src_lang (text), tgt_lang (text)
-- Repeatable: yes. A slice that was loaded stays closed.
-- Returns:    one row if the slice is open now
update ops.slice
set verdict = null, outcomes = null, generation = null, settled_at = null
where
    batch_id = %(batch_id)s and store = %(store)s and src_lang = %(src_lang)s and tgt_lang = %(tgt_lang)s
    and verdict <> 'accept'
returning store;
