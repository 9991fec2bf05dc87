-- Purpose:    what of a restored database is there and does not hold: indexes that were not finished, constraints that
--             were not checked, units that an erasure forbids.
-- Grain:      one row a fault.
-- Reads:      pg_index, pg_constraint, tm.unit, tm.evidence, tm.tombstone
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    fault
select format('index %s is not valid', index.indexrelid::regclass) as fault
from pg_index as index
where not index.indisvalid
union all
select format('constraint %s of %s has not been checked', one.conname, one.conrelid::regclass)
from pg_constraint as one
where not one.convalidated
union all
select format('%s units of store %s that were erased', count(*), unit.store_id)
from tm.tombstone as stone
inner join tm.unit as unit
    on
        unit.store_id = stone.store_id
        and unit.src_lang = stone.src_lang
        and unit.tgt_lang = stone.tgt_lang
        and unit.src_hash = stone.src_hash
where stone.src_hash <> '' and (stone.tgt_hash = '' or unit.tgt_hash = stone.tgt_hash)
group by unit.store_id
union all
select format('%s units of documents of store %s that were erased', count(*), evidence.store_id)
from tm.tombstone as stone
inner join tm.evidence as evidence
    on evidence.store_id = stone.store_id and evidence.document_key = stone.document_key
where stone.document_key <> ''
group by evidence.store_id;
