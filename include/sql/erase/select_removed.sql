-- Purpose:    both texts of the units that a rejection took out of the memory and an undo would bring back.
-- Reads:      review.removed
-- Parameters: store_id (integer)
-- Repeatable: yes; reads only.
-- Returns:    src_lang, tgt_lang, src_text, tgt_text
select
    removed.src_lang, removed.tgt_lang, coalesce(removed.unit ->> 'src_text', '') as src_text,
    coalesce(removed.unit ->> 'tgt_text', '') as tgt_text
from review.removed as removed
where removed.store_id = %(store_id)s;
