-- Purpose:    tell the planner how much an import did.
-- Writes:     statistics of become (temporary)
-- Parameters: none
-- Repeatable: yes.
analyze become;
