-- Purpose:    the strata that a batch's slices would load, for what people's verdicts prove of each.
-- Grain:      one row a slice, tier and score bin with beads that no rule refused.
-- Reads:      staging.bead
-- Parameters: batch_id (text), bounds (double precision[], the upper bounds of the score bins but the last)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, tier, score_bin, beads
select
    bead.store, bead.src_lang, bead.tgt_lang, bead.tier,
    width_bucket(bead.score::double precision, %(bounds)s::double precision[]) as score_bin, count(*) as beads
from staging.bead as bead
where bead.batch_id = %(batch_id)s and bead.rule = ''
group by bead.store, bead.src_lang, bead.tgt_lang, bead.tier, score_bin
order by bead.store, bead.src_lang, bead.tgt_lang, bead.tier, score_bin;
