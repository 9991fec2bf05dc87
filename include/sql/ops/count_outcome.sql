-- Purpose:    count the beads of a batch with one outcome.
-- Reads:      ops.outcome
-- Parameters: batch_id (text), day (date), outcome (text)
-- Repeatable: yes; reads only.
-- Returns:    beads
select count(*) as beads
from ops.outcome
where partition_date = %(day)s and batch_id = %(batch_id)s and outcome = %(outcome)s;
