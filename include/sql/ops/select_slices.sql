-- Purpose:    the slices of a batch, with verdicts and outcomes as far as they are known.
-- Reads:      ops.slice, quality.decision
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    the rows of ops.slice with the decision's reasons and warnings
select
    slice.store, slice.src_lang, slice.tgt_lang, slice.documents, slice.src_segments, slice.tgt_segments, slice.beads,
    slice.verdict, slice.outcomes, slice.generation,
    coalesce(decision.reasons, '{}') as reasons,
    coalesce(decision.warnings, '{}') as warnings
from ops.slice as slice
left join quality.decision as decision using (batch_id, store, src_lang, tgt_lang)
where slice.batch_id = %(batch_id)s
order by slice.store, slice.src_lang, slice.tgt_lang;
