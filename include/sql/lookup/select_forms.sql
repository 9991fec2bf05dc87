-- Purpose:    the forms of candidates.
-- Grain:      one row a source text that is still there.
-- Reads:      tm.source
-- Parameters: store_id (integer), src (text), tgt (text), ids (bigint[])
-- Repeatable: yes; reads only.
-- Returns:    src_hash, form
select source.src_hash, source.form
from tm.source as source
where
    source.store_id = %(store_id)s
    and source.src_lang = %(src)s
    and source.tgt_lang = %(tgt)s
    and source.source_id = any(%(ids)s);
