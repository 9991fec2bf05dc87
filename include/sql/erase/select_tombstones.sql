-- Purpose:    what erasures name.
-- Reads:      tm.tombstone, tm.store
-- Parameters: ids (bigint[], journal entries; null: all)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, document_key, src_hash, tgt_hash (hexadecimal)
select
    store.name as store, tombstone.src_lang, tombstone.tgt_lang,
    encode(tombstone.document_key, 'hex') as document_key,
    encode(tombstone.src_hash, 'hex') as src_hash,
    encode(tombstone.tgt_hash, 'hex') as tgt_hash
from tm.tombstone as tombstone
join tm.store as store using (store_id)
where %(ids)s::bigint[] is null or tombstone.journal_id = any(%(ids)s);
