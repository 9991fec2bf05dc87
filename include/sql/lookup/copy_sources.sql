-- Purpose:    add indexed source texts.
-- Writes:     tm.source
-- Parameters: none
-- Repeatable: no.
copy tm.source (store_id, src_lang, tgt_lang, source_id, src_hash, form) from stdin (format binary);
