-- Purpose:    in which languages the texts really are, among beads long enough to tell on both sides.
-- Grain:      one row a slice and metric; a share of nothing has no row.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text), long_chars (integer, characters a side), same (text[], 'tag code' pairs that are one language), pivot (text[], codes of the language that untranslated text is in)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             identified                   beads with an identified language on both sides
--             swapped_share                the source is in the target's language, the target in the source's
--             foreign_share                a side is in neither of the slice's languages nor in the pivot
--             untranslated_share           the others that are not as they should be: both sides in one language, or a side
--                                          left in the pivot
--             identified_passed            the identified beads that no rule refused
--             passed_wrong_language_share  of these, the ones not in the slice's languages
with known as (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        bead.rule = '' as passed,
        bead.src_lang || ' ' || bead.src_lang_id = any(%(same)s::text[]) as src_is_src,
        bead.tgt_lang || ' ' || bead.src_lang_id = any(%(same)s::text[]) as src_is_tgt,
        bead.src_lang || ' ' || bead.tgt_lang_id = any(%(same)s::text[]) as tgt_is_src,
        bead.tgt_lang || ' ' || bead.tgt_lang_id = any(%(same)s::text[]) as tgt_is_tgt,
        bead.src_lang_id = any(%(pivot)s::text[]) as src_is_pivot,
        bead.tgt_lang_id = any(%(pivot)s::text[]) as tgt_is_pivot
    from staging.bead as bead
    where
        bead.batch_id = %(batch_id)s
        and char_length(bead.src_text) >= %(long_chars)s
        and char_length(bead.tgt_text) >= %(long_chars)s
        and bead.src_lang_id not in ('', 'und')
        and bead.tgt_lang_id not in ('', 'und')
),

counted as materialized (
    select
        known.store,
        known.src_lang,
        known.tgt_lang,
        count(*)::double precision as identified,
        count(*) filter (where known.src_is_src and known.tgt_is_tgt) as correct,
        count(*) filter (
            where not (known.src_is_src and known.tgt_is_tgt) and known.src_is_tgt and known.tgt_is_src
        ) as swapped,
        count(*) filter (
            where not (known.src_is_src or known.src_is_tgt or known.src_is_pivot)
                or not (known.tgt_is_src or known.tgt_is_tgt or known.tgt_is_pivot)
        ) as foreign_,
        count(*) filter (where known.passed)::double precision as passed,
        count(*) filter (where known.passed and not (known.src_is_src and known.tgt_is_tgt)) as passed_wrong
    from known
    group by known.store, known.src_lang, known.tgt_lang
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('identified', coalesce(counted.identified, 0)),
        ('swapped_share', counted.swapped / counted.identified),
        ('foreign_share', counted.foreign_ / counted.identified),
        (
            'untranslated_share',
            (counted.identified - counted.correct - counted.swapped - counted.foreign_) / counted.identified
        ),
        ('identified_passed', coalesce(counted.passed, 0)),
        ('passed_wrong_language_share', counted.passed_wrong / nullif(counted.passed, 0))
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null;
