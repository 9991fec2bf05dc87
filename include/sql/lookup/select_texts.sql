-- Purpose:    read one side of all units of a store and language pair, to look for a phrase in it.
-- Grain:      one row a unit.
-- Reads:      tm.unit
-- Parameters: store_id (integer), src (text), tgt (text), in_target (boolean)
-- Repeatable: yes; reads only.
-- Returns:    src_hash, side_text
select
    unit.src_hash,
    case when %(in_target)s then unit.tgt_text else unit.src_text end as side_text
from tm.unit as unit
where unit.store_id = %(store_id)s and unit.src_lang = %(src)s and unit.tgt_lang = %(tgt)s;
