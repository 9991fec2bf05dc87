-- Purpose:    find a store's number: with it a statement looks into one partition, and the planner knows which.
-- Grain:      one row, or none.
-- Reads:      tm.store
-- Parameters: store (text)
-- Repeatable: yes; reads only.
-- Returns:    store_id
select store_id from tm.store where name = %(store)s;
