-- Purpose:    hold what one erasure names: documents, sources, or sources with their targets.
-- Writes:     grave (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table grave (
    src_lang text not null,
    tgt_lang text not null,
    document_key bytea not null,
    src_hash bytea not null,
    tgt_hash bytea not null
) on commit drop;
