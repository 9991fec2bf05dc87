-- Purpose:    record the document pairs of a batch; the first columns are those of tm_core.contracts.REFINED.
-- Writes:     ops.document
-- Parameters: none
-- Repeatable: no; ops/delete_documents comes first, in the same transaction.
copy ops.document (
    document_key, store, name, src_lang, tgt_lang, kind, state, reason, content_hash, ledger_key, tier, route,
    confidence, src_segments, tgt_segments, beads, src_lang_id, tgt_lang_id, notes, partition_date, batch_id, cpu_seconds
) from stdin (format csv);
