-- Purpose:    the beads around some drawn ones, in the order of their documents.
-- Grain:      one row a drawn bead and bead near it, itself included.
-- Reads:      staging.bead
-- Parameters: batch_id (text), documents (text[]), positions (integer[]), around (integer)
-- Repeatable: yes; reads only.
-- Returns:    document_key (hexadecimal), drawn, position, store, languages, spans, texts, tier, score
select
    drawn.document_key, drawn.position as drawn, bead.position, bead.store, bead.src_lang, bead.tgt_lang, bead.src_first,
    bead.src_count, bead.tgt_first, bead.tgt_count, bead.src_text, bead.tgt_text, bead.tier, bead.score
from unnest(%(documents)s::text[], %(positions)s::integer[]) as drawn (document_key, position)
join staging.bead as bead
    on
        bead.batch_id = %(batch_id)s
        and bead.document_key = decode(drawn.document_key, 'hex')
        and bead.position between drawn.position - %(around)s and drawn.position + %(around)s;
