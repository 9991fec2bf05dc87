-- Purpose:    repetition, copies, lengths, digits and broken characters among the beads that no rule refused.
-- Grain:      one row a slice and metric; a figure of nothing has no row.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text), long_chars (integer, characters a side)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             duplicate_share      beads that bring a unit which another bead of the slice brings too
--             length_ratio_median  the middle of target over source length, in characters
--             varied               the beads, if their lengths differ enough on both sides to go together or not (a
--                                  standard deviation of .3 in logarithms: by a third); else 0
--             length_correlation   of the two sides' lengths (Pearson, of logarithms): a long sentence has a long
--                                  translation, and the sentence beside it has not
--             digits               beads with two digits or more on both sides
--             digits_differ_share  of these, the ones whose digits are not the same, in whatever order
--             long_passed          beads long enough on both sides for an equal text to be suspicious
--             copy_share           of these, the ones whose target is the source
--             broken_share         beads with a side that was read in a wrong encoding: U+FFFD, or the pairs of
--                                  characters that an accented letter of UTF-8 becomes in Latin-1. Coarser than the
--                                  filter's rule and apart from it, so that its silence is seen
with bead as (
    select
        staged.*,
        char_length(staged.src_text) as src_chars,
        char_length(staged.tgt_text) as tgt_chars,
        case when both_have.digits then regexp_replace(staged.src_text, '[^0-9]+', '', 'g') else '' end as src_digits,
        case when both_have.digits then regexp_replace(staged.tgt_text, '[^0-9]+', '', 'g') else '' end as tgt_digits
    from staging.bead as staged
    cross join lateral (
        select staged.src_text ~ '[0-9].*[0-9]' and staged.tgt_text ~ '[0-9].*[0-9]' as digits
    ) as both_have
    where staged.batch_id = %(batch_id)s and staged.rule = ''
),

counted as materialized (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        count(*) as passed,
        count(distinct bead.unit_key) as units,
        percentile_disc(0.5) within group (
            order by bead.tgt_chars::double precision / nullif(bead.src_chars, 0)
        ) as length_ratio,
        corr(ln(greatest(bead.src_chars, 1)), ln(greatest(bead.tgt_chars, 1))) as correlation,
        least(
            stddev(ln(greatest(bead.src_chars, 1))), stddev(ln(greatest(bead.tgt_chars, 1)))
        ) >= 0.3 as is_varied,
        count(*) filter (where bead.src_digits <> '') as digits,
        count(*) filter (
            where bead.src_digits <> bead.tgt_digits
                and (
                    select string_agg(digit, '' order by digit)
                    from regexp_split_to_table(bead.src_digits, '') as digit
                ) <> (
                    select string_agg(digit, '' order by digit)
                    from regexp_split_to_table(bead.tgt_digits, '') as digit
                )
        ) as digits_differ,
        count(*) filter (where least(bead.src_chars, bead.tgt_chars) >= %(long_chars)s) as long_passed,
        count(*) filter (
            where least(bead.src_chars, bead.tgt_chars) >= %(long_chars)s and bead.src_hash = bead.tgt_hash
        ) as copies,
        count(*) filter (
            where bead.src_text || bead.tgt_text ~ U&'\FFFD|[\00C2\00C3][\0080-\00BF]|\00E2[\0080-\0082\20AC\201A]'
        ) as broken
    from bead
    group by bead.store, bead.src_lang, bead.tgt_lang
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('duplicate_share', (counted.passed - counted.units)::double precision / counted.passed),
        ('length_ratio_median', counted.length_ratio),
        ('varied', case when counted.is_varied then counted.passed else 0 end),
        -- Rounded, so that the order of rows changes no digit.
        ('length_correlation', round(counted.correlation::numeric, 6)::double precision),
        ('digits', coalesce(counted.digits, 0)),
        ('digits_differ_share', counted.digits_differ::double precision / nullif(counted.digits, 0)),
        ('long_passed', coalesce(counted.long_passed, 0)),
        ('copy_share', counted.copies::double precision / nullif(counted.long_passed, 0)),
        ('broken_share', counted.broken::double precision / counted.passed)
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null;
