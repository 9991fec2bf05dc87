-- Purpose:    units whose look-up is asked again of a restored memory.
-- Grain:      one row a unit: those with the smallest keys, which are hashes, so they lie all over the memory.
-- Reads:      tm.unit, tm.store
-- Parameters: most (integer)
-- Repeatable: yes; reads only.
-- Returns:    store, unit_key, src_lang, tgt_lang, src_text
select store.name as store, unit.unit_key, unit.src_lang, unit.tgt_lang, unit.src_text
from (select store_id, unit_key from tm.unit order by unit_key, store_id limit %(most)s) as drawn
inner join tm.unit as unit on unit.store_id = drawn.store_id and unit.unit_key = drawn.unit_key
inner join tm.store as store on store.store_id = unit.store_id
order by unit.unit_key, store.name;
