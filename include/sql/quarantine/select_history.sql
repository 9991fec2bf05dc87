-- Purpose:    every decision on a slice, oldest first.
-- Reads:      quality.decision_history
-- Parameters: batch_id (text), store (text), src_lang (text), tgt_lang (text)
-- Repeatable: yes; reads only.
-- Returns:    at, verdict, decided_by, by_person, why, reasons
select known.at, known.verdict, known.decided_by, known.by_person, known.why, known.reasons
from quality.decision_history as known
where
    known.batch_id = %(batch_id)s and known.store = %(store)s
    and known.src_lang = %(src_lang)s and known.tgt_lang = %(tgt_lang)s
order by known.id;
