-- Purpose:    the three sums that must close per open slice (one that this generation has not settled), each as promised
--             by the filter and as found in the books: document pairs, segments, and beads with exactly one outcome.
-- Grain:      one row an open slice.
-- Reads:      ops.slice, ops.document, ops.outcome, staging.bead
-- Parameters: batch_id (text), day (date), generation (bigint)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, and promised_x / found_x for documents, src_segments, tgt_segments, beads;
--             lost and new (beads with these outcomes)
-- Each sum is made once: where the planner expects one open slice, it would make it again for each.
with bead_sums as materialized (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        sum(bead.src_count) as src_segments,
        sum(bead.tgt_count) as tgt_segments
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    group by bead.store, bead.src_lang, bead.tgt_lang
),

by_document as materialized (
    select
        outcome.document_key,
        count(*) as beads,
        count(*) filter (where outcome.outcome = 'lost') as lost,
        count(*) filter (where outcome.outcome = 'new') as new
    from ops.outcome as outcome
    where outcome.partition_date = %(day)s and outcome.batch_id = %(batch_id)s
    group by outcome.document_key
),

outcome_sums as materialized (
    select
        document.store,
        document.src_lang,
        document.tgt_lang,
        sum(by_document.beads) as beads,
        sum(by_document.lost) as lost,
        sum(by_document.new) as new
    from by_document
    cross join lateral (
        -- By its whole key, as in ops/settle_slices.
        select document.store, document.src_lang, document.tgt_lang
        from ops.document as document
        where
            document.partition_date = %(day)s
            and document.batch_id = %(batch_id)s
            and document.document_key = by_document.document_key
        offset 0
    ) as document
    group by document.store, document.src_lang, document.tgt_lang
),

document_sums as materialized (
    select document.store, document.src_lang, document.tgt_lang, count(*) as documents
    from ops.document as document
    where document.partition_date = %(day)s and document.batch_id = %(batch_id)s and document.state <> 'planned'
    group by document.store, document.src_lang, document.tgt_lang
)

select
    slice.store,
    slice.src_lang,
    slice.tgt_lang,
    slice.verdict,
    slice.documents as promised_documents,
    coalesce(document_sums.documents, 0)::bigint as found_documents,
    slice.src_segments as promised_src_segments,
    coalesce(bead_sums.src_segments, 0)::bigint as found_src_segments,
    slice.tgt_segments as promised_tgt_segments,
    coalesce(bead_sums.tgt_segments, 0)::bigint as found_tgt_segments,
    slice.beads as promised_beads,
    coalesce(outcome_sums.beads, 0)::bigint as found_beads,
    coalesce(outcome_sums.lost, 0)::bigint as lost,
    coalesce(outcome_sums.new, 0)::bigint as new
from ops.slice as slice
left join bead_sums using (store, src_lang, tgt_lang)
left join document_sums using (store, src_lang, tgt_lang)
left join outcome_sums using (store, src_lang, tgt_lang)
where slice.batch_id = %(batch_id)s and slice.generation is distinct from %(generation)s
order by slice.store, slice.src_lang, slice.tgt_lang;
