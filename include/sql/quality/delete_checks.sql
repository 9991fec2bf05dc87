-- Purpose:    remove the results of an earlier run of the gate on a batch.
-- Writes:     quality.check_result
-- Parameters: batch_id (text)
-- Repeatable: yes.
delete from quality.check_result where batch_id = %(batch_id)s;
