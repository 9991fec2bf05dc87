-- Purpose:    whether the beads of each document use every segment of both sides exactly once.
-- Grain:      one row a slice.
-- Reads:      ops.slice, ops.document, staging.bead
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only. Sorts the batch's beads once a side.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             documents_untiled    document pairs with a segment in two beads or in none, and pairs that have beads
--                                  but no record
with spans as (
    select bead.store, bead.src_lang, bead.tgt_lang, bead.document_key, side.is_target, side.first, side.first + side.count as next
    from staging.bead as bead
    cross join lateral (
        values (false, bead.src_first, bead.src_count), (true, bead.tgt_first, bead.tgt_count)
    ) as side (is_target, first, count)
    where bead.batch_id = %(batch_id)s and side.count > 0
),

followed as (
    select spans.*, lag(spans.next, 1, 0) over (partition by spans.document_key, spans.is_target order by spans.first) as due
    from spans
),

-- One row a document and side: how far its spans reach, and at how many places they leave a gap or overlap.
covered as (
    select
        followed.store,
        followed.src_lang,
        followed.tgt_lang,
        followed.document_key,
        followed.is_target,
        max(followed.next) as reach,
        count(*) filter (where followed.first <> followed.due) as breaks
    from followed
    group by followed.store, followed.src_lang, followed.tgt_lang, followed.document_key, followed.is_target
),

reported as (
    select document.store, document.src_lang, document.tgt_lang, document.document_key, side.is_target, side.segments
    from ops.document as document
    cross join lateral (
        values (false, document.src_segments), (true, document.tgt_segments)
    ) as side (is_target, segments)
    where document.partition_date = %(day)s and document.batch_id = %(batch_id)s
),

untiled as (
    select store, src_lang, tgt_lang, count(distinct document_key) as documents
    from covered
    full join reported using (store, src_lang, tgt_lang, document_key, is_target)
    where
        covered.breaks > 0
        or coalesce(covered.reach, 0) <> coalesce(reported.segments, 0)
        or reported.segments is null
    group by store, src_lang, tgt_lang
)

select
    slice.store,
    slice.src_lang,
    slice.tgt_lang,
    'documents_untiled' as name,
    coalesce(untiled.documents, 0)::double precision as value
from ops.slice as slice
left join untiled using (store, src_lang, tgt_lang)
where slice.batch_id = %(batch_id)s;
