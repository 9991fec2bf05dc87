-- Purpose:    how much of the held-out gold a slice would bring: text that benchmarks and lexicons are scored on must not
--             be learned from.
-- Grain:      one row a slice and metric.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text), held_out (bytea[], hashes of segments), gold_chars (integer), gold_beads (integer)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             gold_beads       beads of at least gold_chars characters a side with a side that is held out; a heading or
--                              an imprint that the world shares is too short, or too few
--             gold_documents   document pairs with at least gold_beads of them
with by_document as (
    select bead.store, bead.src_lang, bead.tgt_lang, count(*) as beads
    from staging.bead as bead
    where
        bead.batch_id = %(batch_id)s
        and least(char_length(bead.src_text), char_length(bead.tgt_text)) >= %(gold_chars)s
        and (bead.src_hash = any(%(held_out)s::bytea[]) or bead.tgt_hash = any(%(held_out)s::bytea[]))
    group by bead.store, bead.src_lang, bead.tgt_lang, bead.document_key
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value::double precision as value
from ops.slice as slice
left join (
    select
        store, src_lang, tgt_lang,
        sum(beads) as gold_beads,
        count(*) filter (where beads >= %(gold_beads)s) as gold_documents
    from by_document
    group by store, src_lang, tgt_lang
) as counted using (store, src_lang, tgt_lang)
cross join lateral (
    values ('gold_beads', coalesce(counted.gold_beads, 0)), ('gold_documents', coalesce(counted.gold_documents, 0))
) as metric (name, value)
where slice.batch_id = %(batch_id)s;
