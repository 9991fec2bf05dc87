-- Purpose:    hold what an import knows of its beads beside staging: their lines, and what the file says beyond the texts.
-- Writes:     imported (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table imported (
    document_key bytea not null,
    position integer not null,
    line integer not null,
    facts jsonb
) on commit drop;
