-- Purpose:    record the decision on one slice, and add it to the history; the same decision again changes nothing.
-- Grain:      one row of quality.decision per (batch_id, store, src_lang, tgt_lang), one of the history a change.
-- Reads:      ops.batch
-- Writes:     quality.decision, quality.decision_history
-- Parameters: batch_id (text), store (text), src_lang (text), tgt_lang (text), content (text), verdict (text), reasons (text[]), warnings (text[]), releasable (boolean), decided_by (text), by_person (boolean), why (text)
-- Repeatable: yes; a second run changes no row.
with decided as (
    insert into quality.decision as known (
        batch_id, store, src_lang, tgt_lang, content, verdict, reasons, warnings, releasable, decided_by, why
    )
    values (
        %(batch_id)s, %(store)s, %(src_lang)s, %(tgt_lang)s, %(content)s, %(verdict)s, %(reasons)s::text[],
        %(warnings)s::text[], %(releasable)s, %(decided_by)s, %(why)s
    )
    on conflict (batch_id, store, src_lang, tgt_lang) do update
        set
            content = excluded.content,
            verdict = excluded.verdict,
            reasons = excluded.reasons,
            warnings = excluded.warnings,
            releasable = excluded.releasable,
            decided_by = excluded.decided_by,
            why = excluded.why,
            decided_at = now()
        where
            (known.content, known.verdict, known.reasons, known.warnings, known.releasable, known.decided_by, known.why)
            is distinct from
            (
                excluded.content, excluded.verdict, excluded.reasons, excluded.warnings, excluded.releasable,
                excluded.decided_by, excluded.why
            )
    returning known.*
)

insert into quality.decision_history (
    batch_id, partition_date, store, src_lang, tgt_lang, content, verdict, reasons, warnings, decided_by, by_person, why
)
select
    decided.batch_id, batch.partition_date, decided.store, decided.src_lang, decided.tgt_lang, decided.content,
    decided.verdict, decided.reasons, decided.warnings, decided.decided_by, %(by_person)s, decided.why
from decided
join ops.batch as batch using (batch_id);
