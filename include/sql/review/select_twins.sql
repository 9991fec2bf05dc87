-- Purpose:    units with the two texts of a review item, its own aside.
-- Grain:      one row a unit.
-- Reads:      review.item, tm.store, tm.unit, tm.document
-- Parameters: item_id (bigint), most (integer)
-- Repeatable: yes; reads only.
-- Returns:    store, unit_key (hexadecimal), document, tier, score, review_state, partition_date, item_id
select
    store.name as store, encode(unit.unit_key, 'hex') as unit_key, coalesce(document.name, '') as document, unit.tier,
    unit.score, unit.review_state, unit.partition_date, offered.item_id
from review.item as item
cross join tm.store as store
join tm.unit as unit
    on
        unit.store_id = store.store_id
        and unit.src_lang = item.src_lang
        and unit.tgt_lang = item.tgt_lang
        and unit.src_hash = item.src_hash
        and unit.tgt_hash = item.tgt_hash
left join tm.document as document
    on document.store_id = unit.store_id and document.document_key = unit.document_key
left join review.item as offered
    on
        offered.batch_id = unit.batch_id
        and offered.document_key = unit.document_key
        and offered.position = unit.position
where item.item_id = %(item_id)s and (store.name, unit.unit_key) <> (item.store, item.unit_key)
order by store.name, unit.unit_key
limit %(most)s;
