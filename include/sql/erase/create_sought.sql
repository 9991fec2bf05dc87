-- Purpose:    hold the texts that nothing may say any more.
-- Writes:     sought (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table sought (
    text text not null,
    -- Another store says it: where a table does not name its store, it is no trace.
    is_shared boolean not null default false,
    -- Words that a person asked for: they go from neighbours, properties and notes where they stand inside, too.
    is_asked boolean not null default false
) on commit drop;
