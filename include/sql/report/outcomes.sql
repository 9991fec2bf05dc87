-- Purpose:    what became of the beads of a batch.
-- Reads:      ops.outcome
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    outcome, rule, beads
select outcome.outcome, outcome.rule, count(*) as beads
from ops.outcome as outcome
where outcome.partition_date = %(day)s and outcome.batch_id = %(batch_id)s
group by outcome.outcome, outcome.rule
order by outcome.outcome, outcome.rule;
