-- Purpose:    count the staged beads of a batch, to compare with what the filter's manifest promises.
-- Reads:      staging.bead
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    beads
select count(*) as beads from staging.bead where batch_id = %(batch_id)s;
