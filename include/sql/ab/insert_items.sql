-- Purpose:    put a comparison's beads into the review queue, blind, and note apart from them who made each.
-- Grain:      one row of review.item and of review.blind a bead.
-- Writes:     review.item, review.blind
-- Parameters: batch_id (text), day (date), rows (jsonb)
--             rows: the item's columns, document_key and hashes as hexadecimal with \x before them; and side
-- Repeatable: yes; an item that is there stays as it is.
with said as (
    select *
    from jsonb_to_recordset(%(rows)s) as said (
        store text, document_key bytea, position integer, unit_key bytea, src_lang text, tgt_lang text, src_text text,
        tgt_text text, src_hash bytea, tgt_hash bytea, context bytea, prev_hash bytea, next_hash bytea, around jsonb,
        side text
    )
),

noted as (
    insert into review.blind (batch_id, document_key, position, side)
    select %(batch_id)s, said.document_key, said.position, said.side
    from said
    on conflict (batch_id, document_key, position) do nothing
)

insert into review.item (
    batch_id, store, document_key, position, unit_key, src_lang, tgt_lang, tier, score_bin, weight, score, src_text,
    tgt_text, origin, priority, partition_date, src_hash, tgt_hash, context, prev_hash, next_hash, around
)
select
    %(batch_id)s, said.store, said.document_key, said.position, said.unit_key, said.src_lang, said.tgt_lang, 'compared', 0,
    0, 0, said.src_text, said.tgt_text, 'blind', 0.5, %(day)s, said.src_hash, said.tgt_hash, said.context, said.prev_hash,
    said.next_hash, said.around
from said
-- In the order of their places, which were drawn: the queue does not say whose turn it is.
order by said.position
on conflict (batch_id, document_key, position) do nothing;
