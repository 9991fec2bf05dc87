-- Purpose:    fill grave.
-- Writes:     grave (temporary)
-- Parameters: none
-- Repeatable: no.
copy grave (src_lang, tgt_lang, document_key, src_hash, tgt_hash) from stdin (format csv);
