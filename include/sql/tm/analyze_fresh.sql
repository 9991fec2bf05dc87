-- Purpose:    tell the planner how few document pairs a load has beside its beads, and how few are buried: it would put
--             the beads, texts and all, into a hash table and look the others up in it.
-- Writes:     statistics of fresh, buried (temporary)
-- Parameters: none
-- Repeatable: yes.
analyze fresh, buried;
