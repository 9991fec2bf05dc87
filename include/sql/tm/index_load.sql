-- Purpose:    let the statements of a load find rows of its temporary tables, and the planner know their sizes.
-- Writes:     fresh, incoming, touched (temporary)
-- Parameters: none
-- Repeatable: once a transaction.
create index on fresh (document_key);
create index on incoming (store_id, unit_key, document_key);
create index on touched (store_id, unit_key);
analyze fresh;
analyze incoming;
analyze touched;
