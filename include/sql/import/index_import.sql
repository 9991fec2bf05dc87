-- Purpose:    tell the planner what an import has staged.
-- Writes:     imported (temporary), statistics of staging.bead
-- Parameters: none
-- Repeatable: once a transaction.
create index on imported (document_key, position);
analyze imported;
select staging.analyze_beads();
