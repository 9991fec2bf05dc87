-- Purpose:    the slices that were not loaded, of the batches that stand for their dates.
-- Reads:      ops.batch, ops.slice, quality.decision
-- Parameters: batch_id (text, '' for all), verdicts (text[])
-- Repeatable: yes; reads only.
-- Returns:    batch_id, partition_date, generation, state, store, src_lang, tgt_lang, verdict, documents, beads, outcomes,
--             is_settled, and the decision: reasons, warnings, releasable, content, decided_by, decided_at, why
with standing as (
    select distinct on (batch.partition_date) batch.batch_id, batch.partition_date, batch.generation, batch.state
    from ops.batch as batch
    where batch.kind = 'refresh'
    order by batch.partition_date, batch.generation desc
)

select
    standing.batch_id, standing.partition_date, standing.generation, standing.state, slice.store, slice.src_lang,
    slice.tgt_lang, slice.verdict, slice.documents, slice.beads, coalesce(slice.outcomes, '{}') as outcomes,
    slice.generation is not distinct from standing.generation as is_settled,
    decision.reasons, decision.warnings, decision.releasable, decision.content, decision.decided_by,
    decision.decided_at, decision.why
from standing
join ops.slice as slice using (batch_id)
join quality.decision as decision using (batch_id, store, src_lang, tgt_lang)
where slice.verdict = any(%(verdicts)s::text[]) and (%(batch_id)s = '' or slice.batch_id = %(batch_id)s)
order by standing.partition_date desc, slice.store, slice.src_lang, slice.tgt_lang;
