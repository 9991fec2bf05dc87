-- Purpose:    the approved units of a language pair, to learn a lexicon from: those that people accepted, those that were
--             imported, and aligned ones of a high score; never one whose source stands in a gold document.
-- Reads:      tm.unit
-- Parameters: src_lang (text), tgt_lang (text), min_score (real), held_out (bytea[]), most (integer)
-- Repeatable: yes; reads only.
-- Returns:    src_text, tgt_text; each pair of texts once, in the order of their hashes
select distinct on (unit.src_hash, unit.tgt_hash) unit.src_text, unit.tgt_text
from tm.unit as unit
where
    unit.src_lang = %(src_lang)s
    and unit.tgt_lang = %(tgt_lang)s
    and unit.review_state <> 'rejected'
    and (unit.review_state = 'accepted' or unit.tier = 'imported' or unit.score >= %(min_score)s)
    and not unit.src_hash = any(%(held_out)s)
order by unit.src_hash, unit.tgt_hash
limit %(most)s;
