-- Purpose:    set aside what became of an import's beads: the books are not analysed, and the planner takes what has just
--             been written there for a row or two.
-- Reads:      ops.outcome
-- Writes:     become (temporary, gone with the transaction)
-- Parameters: batch_id (text), day (date)
-- Repeatable: once a transaction.
create temporary table become on commit drop as
select outcome.document_key, outcome.position, outcome.outcome, outcome.rule
from ops.outcome as outcome
where outcome.partition_date = %(day)s and outcome.batch_id = %(batch_id)s and outcome.outcome <> 'unchanged';
