-- Purpose:    what became of each bead of one document pair in one batch.
-- Reads:      ops.outcome
-- Parameters: batch_id (text), day (date), document_key (text)
-- Repeatable: yes; reads only.
-- Returns:    position, outcome, rule; in order
select outcome.position, outcome.outcome, outcome.rule
from ops.outcome as outcome
where
    outcome.partition_date = %(day)s
    and outcome.batch_id = %(batch_id)s
    and outcome.document_key = decode(%(document_key)s, 'hex')
order by outcome.position;
