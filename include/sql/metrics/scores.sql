-- Purpose:    how the aligners' confidence is spread over a slice's beads with two sides.
-- Grain:      one row a slice and metric; a figure of nothing has no row.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only. Sums are exact (numeric), so that the order of rows changes no digit.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             scored           beads with two sides that an aligner made
--             score_mean       their mean confidence, 0 to 1
--             score_median     their middle confidence
--             score_spread     highest less lowest
--             score_one_share  those at exactly 1
--             score_below_<n>  those below n hundredths, for n = 10, 20 … 90: their distribution, which later dates are
--                              compared with
with counted as materialized (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        count(*) as scored,
        avg(bead.score::numeric) as mean,
        percentile_disc(0.5) within group (order by bead.score) as median,
        max(bead.score) - min(bead.score) as spread,
        count(*) filter (where bead.score = 1) as ones
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s and bead.tier <> 'imported' and least(bead.src_count, bead.tgt_count) > 0
    group by bead.store, bead.src_lang, bead.tgt_lang
),

below as (
    select bead.store, bead.src_lang, bead.tgt_lang, step.hundredths, avg((bead.score < (step.hundredths / 100.0)::real)::integer) as share
    from staging.bead as bead
    cross join generate_series(10, 90, 10) as step (hundredths)
    where bead.batch_id = %(batch_id)s and bead.tier <> 'imported' and least(bead.src_count, bead.tgt_count) > 0
    group by bead.store, bead.src_lang, bead.tgt_lang, step.hundredths
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('scored', coalesce(counted.scored, 0)::double precision),
        ('score_mean', counted.mean::double precision),
        ('score_median', counted.median::double precision),
        ('score_spread', counted.spread::double precision),
        ('score_one_share', counted.ones::double precision / counted.scored)
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null
union all
select below.store, below.src_lang, below.tgt_lang, 'score_below_' || below.hundredths, below.share::double precision
from below;
