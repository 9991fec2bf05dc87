-- Purpose:    record the gate's decision on one slice; the same decision again keeps its time.
-- Grain:      one row of quality.decision per (batch_id, store, src_lang, tgt_lang).
-- Writes:     quality.decision
-- Parameters: batch_id (text), store (text), src_lang (text), tgt_lang (text), verdict (text), reasons (text[]), warnings (text[])
-- Repeatable: yes; a second run changes no row.
insert into quality.decision as known (batch_id, store, src_lang, tgt_lang, verdict, reasons, warnings, decided_by)
values (
    %(batch_id)s, %(store)s, %(src_lang)s, %(tgt_lang)s, %(verdict)s, %(reasons)s::text[], %(warnings)s::text[], 'gate'
)
on conflict (batch_id, store, src_lang, tgt_lang) do update
    set
        verdict = excluded.verdict,
        reasons = excluded.reasons,
        warnings = excluded.warnings,
        decided_by = excluded.decided_by,
        decided_at = now()
    where
        (known.verdict, known.reasons, known.warnings, known.decided_by)
        is distinct from (excluded.verdict, excluded.reasons, excluded.warnings, excluded.decided_by);
