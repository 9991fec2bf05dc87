-- Purpose:    the strata of a batch's loaded slices that have not been sampled since the batch was planned last.
-- Grain:      one row a stratum with beads in the memory.
-- Reads:      ops.slice, staging.bead, ops.outcome, review.standing
-- Parameters: batch_id (text), generation (bigint), day (date), bounds (double precision[])
--             bounds: the upper bounds of the score bins but the last
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, tier, score_bin, beads
select
    bead.store, bead.src_lang, bead.tgt_lang, bead.tier,
    width_bucket(bead.score::double precision, %(bounds)s::double precision[]) as score_bin, count(*) as beads
from staging.bead as bead
-- As in review/select_candidates.
left join ops.outcome as outcome
    on
        outcome.partition_date = %(day)s
        and outcome.batch_id = %(batch_id)s
        and outcome.document_key = bead.document_key
        and outcome.position = bead.position
where
    bead.batch_id = %(batch_id)s
    and coalesce(outcome.outcome, '') in ('new', 'updated', 'unchanged')
    and not exists (
        select
        from review.standing as standing
        where
            standing.batch_id = %(batch_id)s
            and standing.generation = %(generation)s
            and standing.store = bead.store
            and standing.src_lang = bead.src_lang
            and standing.tgt_lang = bead.tgt_lang
    )
group by bead.store, bead.src_lang, bead.tgt_lang, bead.tier, score_bin
order by bead.store, bead.src_lang, bead.tgt_lang, bead.tier, score_bin;
