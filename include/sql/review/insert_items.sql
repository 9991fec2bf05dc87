-- Purpose:    put a batch's sample into the review queue, texts and all, so that a later version does not change what
--             is judged. An item that was only offered becomes a drawn one, which counts.
-- Grain:      one row of review.item per (batch_id, document_key, position).
-- Reads:      staging.bead, ops.document
-- Writes:     review.item
-- Parameters: batch_id (text), day (date), documents (text[]), positions (integer[]), bins (integer[]), weights (double precision[]), priorities (real[]), wanted (smallint[]), around (jsonb[])
-- Repeatable: yes; a drawn item that is there, judged or not, stays as it is.
insert into review.item as known (
    batch_id, store, document_key, position, unit_key, src_lang, tgt_lang, tier, score_bin, weight, score, src_text,
    tgt_text, priority, partition_date, confidence, wanted, src_hash, tgt_hash, context, prev_hash, next_hash, item_key,
    around
)
select
    bead.batch_id, bead.store, bead.document_key, bead.position, bead.unit_key, bead.src_lang, bead.tgt_lang, bead.tier,
    drawn.score_bin, drawn.weight, bead.score, bead.src_text, bead.tgt_text, drawn.priority, %(day)s, document.confidence,
    drawn.wanted, bead.src_hash, bead.tgt_hash, bead.context, bead.prev_hash, bead.next_hash, bead.item_key, drawn.around
from unnest(
    %(documents)s::text[], %(positions)s::integer[], %(bins)s::integer[], %(weights)s::double precision[],
    %(priorities)s::real[], %(wanted)s::smallint[], %(around)s::jsonb[]
) as drawn (document_key, position, score_bin, weight, priority, wanted, around)
join staging.bead as bead
    on
        bead.batch_id = %(batch_id)s
        and bead.document_key = decode(drawn.document_key, 'hex')
        and bead.position = drawn.position
join ops.document as document
    on
        document.partition_date = %(day)s
        and document.batch_id = %(batch_id)s
        and document.document_key = bead.document_key
on conflict (batch_id, document_key, position) do update
    set
        origin = 'sample',
        weight = excluded.weight,
        wanted = excluded.wanted,
        confidence = excluded.confidence,
        around = excluded.around
    where known.origin = 'twin' and known.verdicts = 0;
