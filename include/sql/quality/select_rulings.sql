-- Purpose:    what persons said last of a date's slices, with the content that they said it of.
-- Reads:      quality.decision_history
-- Parameters: day (date)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, content, verdict, who, why
select distinct on (known.store, known.src_lang, known.tgt_lang, known.content)
    known.store, known.src_lang, known.tgt_lang, known.content, known.verdict, known.decided_by as who, known.why
from quality.decision_history as known
where known.partition_date = %(day)s and known.by_person
order by known.store, known.src_lang, known.tgt_lang, known.content, known.id desc;
