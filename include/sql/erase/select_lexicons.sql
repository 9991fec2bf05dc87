-- Purpose:    the lexicons whose files must be gone.
-- Reads:      ops.lexicon
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    src_lang, tgt_lang, sha256
select src_lang, tgt_lang, sha256 from ops.lexicon where state = 'erased';
