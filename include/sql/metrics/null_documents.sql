-- Purpose:    how the beads with one side only are spread over the aligned document pairs: one pair that does not belong
--             together says something of itself, many say something of the slice.
-- Grain:      one row a slice and metric; a share of nothing has no row.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             aligned_documents       document pairs with at least ten beads of an aligner
--             null_documents          of these, the ones with four beads of five one-sided: not translations of each other
--             null_documents_share    the same, as a share
--             other_beads             beads of the other aligned pairs
--             other_null_share        of these, the one-sided ones
with by_document as (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        count(*) as beads,
        count(*) filter (where least(bead.src_count, bead.tgt_count) = 0) as nulls
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s and bead.tier <> 'imported'
    group by bead.store, bead.src_lang, bead.tgt_lang, bead.document_key
),

counted as materialized (
    select
        one.store,
        one.src_lang,
        one.tgt_lang,
        count(*) filter (where one.beads >= 10)::double precision as documents,
        count(*) filter (where one.beads >= 10 and one.nulls >= 0.8 * one.beads) as null_documents,
        coalesce(sum(one.beads) filter (where one.beads < 10 or one.nulls < 0.8 * one.beads), 0) as other_beads,
        sum(one.nulls) filter (where one.beads < 10 or one.nulls < 0.8 * one.beads) as other_nulls
    from by_document as one
    group by one.store, one.src_lang, one.tgt_lang
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('aligned_documents', coalesce(counted.documents, 0)),
        ('null_documents', coalesce(counted.null_documents, 0)),
        ('null_documents_share', counted.null_documents / nullif(counted.documents, 0)),
        ('other_beads', coalesce(counted.other_beads, 0)::double precision),
        ('other_null_share', (counted.other_nulls / nullif(counted.other_beads, 0))::double precision)
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null;
