-- Purpose:    count the beads of a batch's open slices with one outcome.
-- Reads:      ops.outcome, ops.document, ops.slice
-- Parameters: batch_id (text), day (date), generation (bigint), outcome (text)
-- Repeatable: yes; reads only.
-- Returns:    beads
select coalesce(sum(by_document.beads), 0)::bigint as beads
from (
    select outcome.document_key, count(*) as beads
    from ops.outcome as outcome
    where outcome.partition_date = %(day)s and outcome.batch_id = %(batch_id)s and outcome.outcome = %(outcome)s
    group by outcome.document_key
) as by_document
join ops.document as document
    on
        document.partition_date = %(day)s
        and document.batch_id = %(batch_id)s
        and document.document_key = by_document.document_key
join ops.slice as slice using (batch_id, store, src_lang, tgt_lang)
where slice.generation is distinct from %(generation)s;
