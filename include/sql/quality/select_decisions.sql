-- Purpose:    the decisions that stand on a batch's slices.
-- Reads:      quality.decision
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, content, verdict, reasons, warnings, releasable, decided_by, decided_at, why
select
    decision.store, decision.src_lang, decision.tgt_lang, decision.content, decision.verdict, decision.reasons,
    decision.warnings, decision.releasable, decision.decided_by, decision.decided_at, decision.why
from quality.decision as decision
where decision.batch_id = %(batch_id)s
order by decision.store, decision.src_lang, decision.tgt_lang;
