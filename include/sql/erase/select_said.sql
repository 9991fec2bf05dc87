-- Purpose:    find the texts that a tombstone names and a unit still says, with another text on its other side: they are
--             no secret, and may stand alone.
-- Grain:      one row a text.
-- Reads:      tm.tombstone, tm.unit, tm.withdrawn_unit
-- Parameters: store_id (integer)
-- Repeatable: yes; reads only.
-- Returns:    hash (hexadecimal)
with named as materialized (
    select tombstone.src_hash as hash
    from tm.tombstone as tombstone
    where tombstone.store_id = %(store_id)s and tombstone.src_hash <> ''
    union
    select tombstone.tgt_hash
    from tm.tombstone as tombstone
    where tombstone.store_id = %(store_id)s and tombstone.tgt_hash <> ''
)

select encode(said.hash, 'hex') as hash
from (
    select unit.src_hash as hash from tm.unit as unit where unit.store_id = %(store_id)s
    union all
    select unit.tgt_hash from tm.unit as unit where unit.store_id = %(store_id)s
    union all
    select kept.src_hash from tm.withdrawn_unit as kept where kept.store_id = %(store_id)s
    union all
    select kept.tgt_hash from tm.withdrawn_unit as kept where kept.store_id = %(store_id)s
) as said
where said.hash in (select named.hash from named)
group by said.hash;
