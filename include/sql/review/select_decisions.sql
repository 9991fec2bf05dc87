-- Purpose:    what gates and people decided on slices, newest date first.
-- Grain:      one row a decision.
-- Reads:      quality.decision_history
-- Parameters: store (text), src_lang (text), tgt_lang (text), since (date), until (date), most (integer)
--             store and languages are null for all
-- Repeatable: yes; reads only.
-- Returns:    at, day, batch_id, store, src_lang, tgt_lang, verdict, reasons, decided_by, why
select
    history.at, history.partition_date as day, history.batch_id, history.store, history.src_lang, history.tgt_lang,
    history.verdict, history.reasons, history.decided_by, history.why
from quality.decision_history as history
where
    history.partition_date between %(since)s and %(until)s
    and (%(store)s::text is null or history.store = %(store)s)
    and (%(src_lang)s::text is null or history.src_lang = %(src_lang)s)
    and (%(tgt_lang)s::text is null or history.tgt_lang = %(tgt_lang)s)
order by history.partition_date desc, history.id desc
limit %(most)s;
