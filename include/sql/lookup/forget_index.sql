-- Purpose:    throw a store's index of look-ups away and queue all its source texts.
-- Reads:      tm.unit
-- Writes:     tm.source, tm.gram, tm.numbering, tm.pending
-- Parameters: store_id (integer)
-- Repeatable: yes.
with forms as (
    delete from tm.source as source where source.store_id = %(store_id)s
),

grams as (
    delete from tm.gram as gram where gram.store_id = %(store_id)s
),

numbers as (
    delete from tm.numbering as numbering where numbering.store_id = %(store_id)s
)

insert into tm.pending (store_id, src_lang, tgt_lang, src_hash, src_text)
select distinct on (unit.src_lang, unit.tgt_lang, unit.src_hash)
    unit.store_id, unit.src_lang, unit.tgt_lang, unit.src_hash, unit.src_text
from tm.unit as unit
where unit.store_id = %(store_id)s
on conflict do nothing;
