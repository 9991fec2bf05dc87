-- Purpose:    remove what an earlier run of the gate measured of a batch's open slices.
-- Reads:      ops.batch, ops.slice
-- Writes:     quality.metric
-- Parameters: batch_id (text)
-- Repeatable: yes.
delete from quality.metric as known
where
    known.batch_id = %(batch_id)s
    -- A set that is looked up by its hash, as in ops/delete_outcomes: a join would read all slices for each row.
    and coalesce(
        (known.store, known.src_lang, known.tgt_lang) in (
            select slice.store, slice.src_lang, slice.tgt_lang
            from ops.slice as slice
            join ops.batch as batch using (batch_id)
            where slice.batch_id = %(batch_id)s and slice.generation is distinct from batch.generation
        ),
        false
    );
