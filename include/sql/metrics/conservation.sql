-- Purpose:    by how much the sums of each slice fail to close. Three parties count: the filter's manifest (the
--             promise, in ops.slice), the aligners' own reports on their documents, and the beads that are here.
-- Grain:      one row a slice and metric.
-- Reads:      ops.slice, ops.document, staging.bead
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             <x>_promised     what the filter's manifest says
--             <x>_missing      promised less what the beads (for documents: the records) add up to; negative: too many
--             <x>_unreported   what the beads add up to less what the documents' reports say
with staged as (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        count(*) as beads,
        sum(bead.src_count) as src_segments,
        sum(bead.tgt_count) as tgt_segments
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    group by bead.store, bead.src_lang, bead.tgt_lang
),

reported as (
    select
        document.store,
        document.src_lang,
        document.tgt_lang,
        count(*) as documents,
        sum(document.beads) as beads,
        sum(document.src_segments) as src_segments,
        sum(document.tgt_segments) as tgt_segments
    from ops.document as document
    where document.partition_date = %(day)s and document.batch_id = %(batch_id)s
    group by document.store, document.src_lang, document.tgt_lang
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join staged using (store, src_lang, tgt_lang)
left join reported using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('documents_promised', slice.documents::double precision),
        ('documents_missing', slice.documents - coalesce(reported.documents, 0)),
        ('beads_promised', slice.beads),
        ('beads_missing', slice.beads - coalesce(staged.beads, 0)),
        ('beads_unreported', coalesce(staged.beads, 0) - coalesce(reported.beads, 0)),
        ('src_segments_promised', slice.src_segments),
        ('src_segments_missing', slice.src_segments - coalesce(staged.src_segments, 0)),
        ('src_segments_unreported', coalesce(staged.src_segments, 0) - coalesce(reported.src_segments, 0)),
        ('tgt_segments_promised', slice.tgt_segments),
        ('tgt_segments_missing', slice.tgt_segments - coalesce(staged.tgt_segments, 0)),
        ('tgt_segments_unreported', coalesce(staged.tgt_segments, 0) - coalesce(reported.tgt_segments, 0))
) as metric (name, value)
where slice.batch_id = %(batch_id)s;
