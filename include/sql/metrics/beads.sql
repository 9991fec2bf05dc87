-- Purpose:    how many beads each slice has, and how many came through the filter.
-- Grain:      one row a slice and metric; a share of nothing has no row.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text), dirt (text[], rules that say only that a text was left untranslated)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             beads                all beads
--             null_share           beads with one side only, of all
--             passed, passed_share beads that no rule refused
--             passed_or_erased     these, and beads with two sides whose texts were erased: no rule refused those either
--             rejected_share       beads that a rule refused, whichever
--             translated           beads with two sides that no rule of dirt refused
--             refused_share        refused by another rule, of the translated
--             aligned_beads        beads that an aligner made; the others were paired in their file
--             aligned_null_share   beads with one side only, of these
with counted as materialized (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        count(*) as beads,
        count(*) filter (where least(bead.src_count, bead.tgt_count) = 0) as nulls,
        count(*) filter (where bead.rule = '') as passed,
        count(*) filter (where bead.rule = 'erased' and least(bead.src_count, bead.tgt_count) > 0) as erased,
        count(*) filter (where least(bead.src_count, bead.tgt_count) > 0 and bead.rule <> all(%(dirt)s)) as translated,
        count(*) filter (
            where least(bead.src_count, bead.tgt_count) > 0
                and bead.rule <> all(%(dirt)s)
                and bead.rule not in ('', 'erased')
        ) as refused,
        count(*) filter (where bead.tier <> 'imported') as aligned,
        count(*) filter (where bead.tier <> 'imported' and least(bead.src_count, bead.tgt_count) = 0) as aligned_nulls
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    group by bead.store, bead.src_lang, bead.tgt_lang
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('beads', coalesce(counted.beads, 0)::double precision),
        ('null_share', counted.nulls::double precision / counted.beads),
        ('passed', coalesce(counted.passed, 0)),
        ('passed_share', counted.passed::double precision / counted.beads),
        ('passed_or_erased', coalesce(counted.passed + counted.erased, 0)),
        ('rejected_share', (counted.beads - counted.passed - counted.erased)::double precision / counted.beads),
        ('translated', coalesce(counted.translated, 0)),
        ('refused_share', counted.refused::double precision / nullif(counted.translated, 0)),
        ('aligned_beads', coalesce(counted.aligned, 0)),
        ('aligned_null_share', counted.aligned_nulls::double precision / nullif(counted.aligned, 0))
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null;
