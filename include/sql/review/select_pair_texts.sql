-- Purpose:    the two texts of a pair of hashes, as far as the memory has them.
-- Grain:      one row, or none.
-- Reads:      tm.store, tm.unit
-- Parameters: store (text), src_lang (text), tgt_lang (text), src_hash (bytea), tgt_hash (bytea)
-- Repeatable: yes; reads only.
-- Returns:    src_text, tgt_text
select unit.src_text, unit.tgt_text
from tm.store as store
join tm.unit as unit on unit.store_id = store.store_id
where
    store.name = %(store)s
    and unit.src_lang = %(src_lang)s
    and unit.tgt_lang = %(tgt_lang)s
    and unit.src_hash = %(src_hash)s
    and unit.tgt_hash = %(tgt_hash)s
limit 1;
