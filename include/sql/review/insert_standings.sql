-- Purpose:    pin what was known of strata when their slices were sampled.
-- Grain:      one row of review.standing a batch and stratum.
-- Writes:     review.standing
-- Parameters: batch_id (text), generation (bigint), rows (jsonb)
--             an array of objects with the table's other columns
-- Repeatable: yes.
insert into review.standing (
    batch_id, generation, store, src_lang, tgt_lang, tier, score_bin, state, pooled, verdicts, correct, effective,
    estimate, lower_bound, upper_bound, target
)
select
    %(batch_id)s, %(generation)s, said.store, said.src_lang, said.tgt_lang, said.tier, said.score_bin, said.state,
    said.pooled, said.verdicts, said.correct, said.effective, said.estimate, said.lower_bound, said.upper_bound, said.target
from jsonb_populate_recordset(null::review.standing, %(rows)s) as said
on conflict (batch_id, store, src_lang, tgt_lang, tier, score_bin) do update
    set
        generation = excluded.generation,
        state = excluded.state,
        pooled = excluded.pooled,
        verdicts = excluded.verdicts,
        correct = excluded.correct,
        effective = excluded.effective,
        estimate = excluded.estimate,
        lower_bound = excluded.lower_bound,
        upper_bound = excluded.upper_bound,
        target = excluded.target;
