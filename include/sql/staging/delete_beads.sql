-- Purpose:    empty the staging of one batch.
-- Writes:     staging.bead
-- Parameters: batch_id (text)
-- Repeatable: yes.
delete from staging.bead where batch_id = %(batch_id)s;
