-- Purpose:    every lexicon that was made or given, newest decision first.
-- Reads:      ops.lexicon
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    the rows of ops.lexicon
select src_lang, tgt_lang, sha256, state, entries, units, f1, f1_before, reason, decided_at
from ops.lexicon
order by src_lang, tgt_lang, decided_at desc, sha256;
