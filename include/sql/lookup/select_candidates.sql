-- Purpose:    the forms of candidates, and the source texts that are not indexed yet, which are candidates all.
-- Grain:      one row a source text that is still there; a candidate has a form, an unindexed text itself.
-- Reads:      tm.source, tm.pending
-- Parameters: store_id (integer), src (text), tgt (text), ids (bigint[])
-- Repeatable: yes; reads only.
-- Returns:    src_hash, form, src_text
select source.src_hash, source.form, null as src_text
from tm.source as source
where
    source.store_id = %(store_id)s
    and source.src_lang = %(src)s
    and source.tgt_lang = %(tgt)s
    and source.source_id = any(%(ids)s::bigint[])
union all
select pending.src_hash, null, pending.src_text
from tm.pending as pending
where pending.store_id = %(store_id)s and pending.src_lang = %(src)s and pending.tgt_lang = %(tgt)s;
