-- Purpose:    the batches that this database has loaded, at which plan.
-- Reads:      ops.batch
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    batch_id, generation
select batch_id, generation from ops.batch where state <> 'planned';
