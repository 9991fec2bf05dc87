-- Purpose:    what share of a slice's beads each rule of the filter refused, the silent rules at zero.
-- Grain:      one row a slice and rule; none for a slice without beads.
-- Reads:      staging.bead
-- Parameters: batch_id (text), rules (text[], the names of all rules)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             rejected_<rule>      beads that the rule refused, of all
with counted as materialized (
    select bead.store, bead.src_lang, bead.tgt_lang, bead.rule, count(*) as beads
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    group by bead.store, bead.src_lang, bead.tgt_lang, bead.rule
)

select
    counted.store,
    counted.src_lang,
    counted.tgt_lang,
    'rejected_' || known.rule as name,
    (coalesce(sum(counted.beads) filter (where counted.rule = known.rule), 0) / sum(counted.beads))::double precision as value
from counted
cross join unnest(%(rules)s::text[]) as known (rule)
group by counted.store, counted.src_lang, counted.tgt_lang, known.rule;
