-- Purpose:    the beads that may be sampled for review: those that a batch loaded as a unit's evidence.
-- Reads:      staging.bead, ops.outcome
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    document_key (hexadecimal), position, store, src_lang, tgt_lang, tier, score
select
    encode(bead.document_key, 'hex') as document_key, bead.position, bead.store, bead.src_lang, bead.tgt_lang, bead.tier,
    bead.score
from staging.bead as bead
-- Of an inner join the planner, which has not seen the batch's outcomes, would expect a row, and read a document's beads
-- for each.
left join ops.outcome as outcome
    on
        outcome.partition_date = %(day)s
        and outcome.batch_id = bead.batch_id
        and outcome.document_key = bead.document_key
        and outcome.position = bead.position
where
    bead.batch_id = %(batch_id)s
    and coalesce(outcome.outcome, '') in ('new', 'updated', 'unchanged')
    -- Erased since it was loaded.
    and bead.rule <> 'erased';
