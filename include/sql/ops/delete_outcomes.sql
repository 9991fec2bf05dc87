-- Purpose:    remove what an earlier load recorded of the beads of a batch's open slices: those that this generation has
--             not settled.
-- Reads:      ops.document, ops.slice
-- Writes:     ops.outcome
-- Parameters: batch_id (text), day (date), generation (bigint)
-- Repeatable: yes.
delete from ops.outcome as outcome
using ops.document as document, ops.slice as slice
where
    outcome.partition_date = %(day)s
    and outcome.batch_id = %(batch_id)s
    and document.partition_date = %(day)s
    and document.batch_id = %(batch_id)s
    and document.document_key = outcome.document_key
    and slice.batch_id = %(batch_id)s
    and slice.store = document.store
    and slice.src_lang = document.src_lang
    and slice.tgt_lang = document.tgt_lang
    and slice.generation is distinct from %(generation)s;
