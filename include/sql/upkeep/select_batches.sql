-- Purpose:    name every batch, to find work folders that belong to none.
-- Reads:      ops.batch
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    batch_id
select batch_id from ops.batch;
