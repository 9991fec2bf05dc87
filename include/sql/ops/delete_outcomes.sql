-- Purpose:    remove what an earlier load recorded of a batch's beads.
-- Writes:     ops.outcome
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes.
delete from ops.outcome where partition_date = %(day)s and batch_id = %(batch_id)s;
