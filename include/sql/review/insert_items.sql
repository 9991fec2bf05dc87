-- Purpose:    put a batch's sample into the review queue, texts and all, so that a later version does not change what
--             is judged.
-- Grain:      one row of review.item per (batch_id, document_key, position).
-- Reads:      staging.bead
-- Writes:     review.item
-- Parameters: batch_id (text), documents (text[]), positions (integer[]), bins (integer[]), weights (double precision[])
-- Repeatable: yes; an item that is there, judged or not, stays as it is.
insert into review.item (
    batch_id, store, document_key, position, unit_key, src_lang, tgt_lang, tier, score_bin, weight, score, src_text,
    tgt_text
)
select
    bead.batch_id, bead.store, bead.document_key, bead.position, bead.unit_key, bead.src_lang, bead.tgt_lang, bead.tier,
    drawn.score_bin, drawn.weight, bead.score, bead.src_text, bead.tgt_text
from unnest(
    %(documents)s::text[], %(positions)s::integer[], %(bins)s::integer[], %(weights)s::double precision[]
) as drawn (document_key, position, score_bin, weight)
join staging.bead as bead
    on
        bead.batch_id = %(batch_id)s
        and bead.document_key = decode(drawn.document_key, 'hex')
        and bead.position = drawn.position
on conflict (batch_id, document_key, position) do nothing;
