-- Purpose:    add new chunks of holders.
-- Writes:     tm.gram
-- Parameters: none
-- Repeatable: no.
copy tm.gram (store_id, src_lang, tgt_lang, gram, chunk, holders) from stdin (format binary);
