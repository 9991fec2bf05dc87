-- Purpose:    stage the filtered beads of a batch; the columns are those of tm_core.contracts.FILTERED.
-- Writes:     staging.bead
-- Parameters: none
-- Repeatable: no; staging/delete_beads comes first, in the same transaction.
copy staging.bead (
    batch_id, store, document_key, position, src_lang, tgt_lang, src_first, src_count, tgt_first, tgt_count,
    src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash, unit_key, item_key, tier, aligner,
    model_hash, score, src_lang_id, tgt_lang_id, rule
) from stdin (format csv);
