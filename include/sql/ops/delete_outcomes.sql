-- Purpose:    remove what an earlier load recorded of the beads of a batch's open slices: those that this generation has
--             not settled.
-- Reads:      ops.document, ops.slice
-- Writes:     ops.outcome
-- Parameters: batch_id (text), day (date), generation (bigint)
-- Repeatable: yes.
delete from ops.outcome as outcome
where
    outcome.partition_date = %(day)s
    and outcome.batch_id = %(batch_id)s
    -- Coalesce keeps this a set that is looked up by its hash. Of a join the planner, which has not seen the batch's
    -- outcomes, would expect a row, and read all documents for each of a million.
    and coalesce(
        outcome.document_key in (
            select document.document_key
            from ops.document as document
            left join ops.slice as slice using (batch_id, store, src_lang, tgt_lang)
            where
                document.partition_date = %(day)s
                and document.batch_id = %(batch_id)s
                and coalesce(slice.generation <> %(generation)s, true)
        ),
        false
    );
