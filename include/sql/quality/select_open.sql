-- Purpose:    the open slices of a batch: those that its generation has not settled, which the gate judges.
-- Reads:      ops.batch, ops.slice
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang
select slice.store, slice.src_lang, slice.tgt_lang
from ops.slice as slice
join ops.batch as batch using (batch_id)
where slice.batch_id = %(batch_id)s and slice.generation is distinct from batch.generation
order by slice.store, slice.src_lang, slice.tgt_lang;
