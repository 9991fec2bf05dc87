-- Purpose:    record what the filter promises of a slice.
-- Grain:      one row of ops.slice per (batch_id, store, src_lang, tgt_lang).
-- Writes:     ops.slice
-- Parameters: batch_id (text), store (text), src_lang (text), tgt_lang (text), documents (bigint), src_segments (bigint), tgt_segments (bigint), beads (bigint)
-- Repeatable: yes.
insert into ops.slice (batch_id, store, src_lang, tgt_lang, documents, src_segments, tgt_segments, beads)
values (
    %(batch_id)s, %(store)s, %(src_lang)s, %(tgt_lang)s, %(documents)s, %(src_segments)s, %(tgt_segments)s, %(beads)s
)
on conflict (batch_id, store, src_lang, tgt_lang) do update
    set
        documents = excluded.documents,
        src_segments = excluded.src_segments,
        tgt_segments = excluded.tgt_segments,
        beads = excluded.beads;
