-- Purpose:    hold the texts that nothing may say any more.
-- Writes:     sought (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table sought (
    text text not null,
    is_shared boolean not null default false
) on commit drop;
