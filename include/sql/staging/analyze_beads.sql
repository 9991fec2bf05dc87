-- Purpose:    tell the planner what was staged: without it the load's joins guess wrong on a batch of a million.
-- Writes:     statistics of staging.bead
-- Parameters: none
-- Repeatable: yes.
select staging.analyze_beads();
