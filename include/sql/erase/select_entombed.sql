-- Purpose:    ask the tombstones of a store about a few texts: pairs, and texts that stand alone. A text alone is entombed
--             if a tombstone names it and no unit says it.
-- Grain:      one row a pair or text that must not be written.
-- Reads:      tm.store, tm.tombstone, tm.unit
-- Parameters: store (text), src_lang (text), tgt_lang (text), src_hashes (bytea[]), tgt_hashes (bytea[]), alone (bytea[])
--             src_hashes, tgt_hashes: one of each a pair
-- Repeatable: yes; reads only.
-- Returns:    hash
select asked.src_hash as hash
from unnest(%(src_hashes)s::bytea[], %(tgt_hashes)s::bytea[]) as asked (src_hash, tgt_hash)
join tm.store as store on store.name = %(store)s
join tm.tombstone as tombstone
    on
        tombstone.store_id = store.store_id
        and tombstone.src_lang = %(src_lang)s
        and tombstone.tgt_lang = %(tgt_lang)s
        and tombstone.document_key = ''
        and tombstone.src_hash = asked.src_hash
        and tombstone.tgt_hash in ('', asked.tgt_hash)
union
select asked.hash
from unnest(%(alone)s::bytea[]) as asked (hash)
join tm.store as store on store.name = %(store)s
join tm.tombstone as tombstone
    on tombstone.store_id = store.store_id and asked.hash in (tombstone.src_hash, tombstone.tgt_hash)
where
    not exists (
        select
        from tm.unit as unit
        where unit.store_id = store.store_id and asked.hash in (unit.src_hash, unit.tgt_hash)
    );
