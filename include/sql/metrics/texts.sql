-- Purpose:    repetition, copies and lengths among the beads that no rule refused.
-- Grain:      one row a slice and metric; a figure of nothing has no row.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text), long_chars (integer, characters a side)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             duplicate_share      beads that bring a unit which another bead of the slice brings too
--             length_ratio_median  the middle of target over source length, in characters
--             long_passed          beads long enough on both sides for an equal text to be suspicious
--             copy_share           of these, the ones whose target is the source
with counted as (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        count(*) as passed,
        count(distinct bead.unit_key) as units,
        percentile_disc(0.5) within group (
            order by char_length(bead.tgt_text)::double precision / nullif(char_length(bead.src_text), 0)
        ) as length_ratio,
        count(*) filter (
            where least(char_length(bead.src_text), char_length(bead.tgt_text)) >= %(long_chars)s
        ) as long_passed,
        count(*) filter (
            where least(char_length(bead.src_text), char_length(bead.tgt_text)) >= %(long_chars)s
                and bead.src_hash = bead.tgt_hash
        ) as copies
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s and bead.rule = ''
    group by bead.store, bead.src_lang, bead.tgt_lang
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('duplicate_share', (counted.passed - counted.units)::double precision / counted.passed),
        ('length_ratio_median', counted.length_ratio),
        ('long_passed', coalesce(counted.long_passed, 0)),
        ('copy_share', counted.copies::double precision / nullif(counted.long_passed, 0))
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null;
