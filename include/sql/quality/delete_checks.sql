-- Purpose:    remove the results of an earlier run of the gate on a batch's open slices.
-- Reads:      ops.batch, ops.slice
-- Writes:     quality.check_result
-- Parameters: batch_id (text)
-- Repeatable: yes.
delete from quality.check_result as known
using ops.slice as slice, ops.batch as batch
where
    known.batch_id = %(batch_id)s
    and (slice.batch_id, slice.store, slice.src_lang, slice.tgt_lang)
    = (known.batch_id, known.store, known.src_lang, known.tgt_lang)
    and batch.batch_id = known.batch_id
    and slice.generation is distinct from batch.generation;
