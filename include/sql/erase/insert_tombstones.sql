-- Purpose:    leave a tombstone for everything that an erasure names.
-- Reads:      grave
-- Writes:     tm.tombstone
-- Parameters: store_id (integer), journal_id (bigint)
-- Repeatable: yes.
insert into tm.tombstone (store_id, src_lang, tgt_lang, document_key, src_hash, tgt_hash, journal_id)
select %(store_id)s, grave.src_lang, grave.tgt_lang, grave.document_key, grave.src_hash, grave.tgt_hash, %(journal_id)s
from grave
on conflict do nothing;
