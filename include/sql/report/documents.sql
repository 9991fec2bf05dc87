-- Purpose:    the document pairs of a batch, summed by store, pair, tier and state.
-- Reads:      ops.document
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, tier, state, documents, src_segments, tgt_segments, beads
select
    document.store, document.src_lang, document.tgt_lang, document.tier, document.state,
    count(*) as documents,
    sum(document.src_segments)::bigint as src_segments,
    sum(document.tgt_segments)::bigint as tgt_segments,
    sum(document.beads)::bigint as beads
from ops.document as document
where document.partition_date = %(day)s and document.batch_id = %(batch_id)s
group by document.store, document.src_lang, document.tgt_lang, document.tier, document.state
order by document.store, document.src_lang, document.tgt_lang, document.tier, document.state;
