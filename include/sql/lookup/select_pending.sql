-- Purpose:    the source texts of a store and language pair that are not indexed yet.
-- Reads:      tm.pending
-- Parameters: store_id (integer), src (text), tgt (text)
-- Repeatable: yes; reads only.
-- Returns:    src_hash, src_text
select pending.src_hash, pending.src_text
from tm.pending as pending
where pending.store_id = %(store_id)s and pending.src_lang = %(src)s and pending.tgt_lang = %(tgt)s;
