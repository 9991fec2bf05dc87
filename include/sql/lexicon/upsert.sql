-- Purpose:    record the decision on a lexicon.
-- Grain:      one row of ops.lexicon per (src_lang, tgt_lang, sha256).
-- Writes:     ops.lexicon
-- Parameters: src_lang (text), tgt_lang (text), sha256 (text), state (text), entries (bigint), units (bigint), f1 (double precision), f1_before (double precision), reason (text)
-- Repeatable: yes.
insert into ops.lexicon (src_lang, tgt_lang, sha256, state, entries, units, f1, f1_before, reason)
values (
    %(src_lang)s, %(tgt_lang)s, %(sha256)s, %(state)s, %(entries)s, %(units)s, %(f1)s, %(f1_before)s, %(reason)s
)
on conflict (src_lang, tgt_lang, sha256) do update
    set
        state = excluded.state,
        f1 = excluded.f1,
        f1_before = excluded.f1_before,
        reason = excluded.reason,
        decided_at = now();
