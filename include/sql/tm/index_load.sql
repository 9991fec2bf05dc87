-- Purpose:    let the statements of a load find rows of its temporary tables, and the planner know their sizes.
-- Writes:     fresh, incoming, touched (temporary)
-- Parameters: none
-- Repeatable: once a transaction.
create index on fresh (document_key);
analyze fresh;
analyze incoming;
analyze touched;
