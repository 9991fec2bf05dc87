-- Purpose:    the language pairs of a store, those that wait for the index of look-ups included.
-- Grain:      one row a pair.
-- Reads:      tm.numbering, tm.pending
-- Parameters: store_id (integer)
-- Repeatable: yes; reads only.
-- Returns:    src_lang, tgt_lang
select numbering.src_lang, numbering.tgt_lang
from tm.numbering as numbering
where numbering.store_id = %(store_id)s
union
select pending.src_lang, pending.tgt_lang
from tm.pending as pending
where pending.store_id = %(store_id)s
order by src_lang, tgt_lang;
