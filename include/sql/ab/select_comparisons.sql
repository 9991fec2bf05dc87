-- Purpose:    every comparison, newest first.
-- Grain:      one row a comparison.
-- Reads:      review.comparison
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    batch_id, store, languages, made_at, promoted_at, promoted_by, undone_at
select batch_id, store, src_lang, tgt_lang, made_at, promoted_at, promoted_by, undone_at
from review.comparison
order by made_at desc, batch_id;
