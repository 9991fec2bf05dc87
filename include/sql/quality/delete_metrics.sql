-- Purpose:    remove what an earlier run of the gate measured of a batch.
-- Writes:     quality.metric
-- Parameters: batch_id (text)
-- Repeatable: yes.
delete from quality.metric where batch_id = %(batch_id)s;
