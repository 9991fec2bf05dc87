-- Purpose:    when a drill last passed.
-- Grain:      one row.
-- Reads:      ops.drill
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    at (null: never)
select max(finished_at) as at from ops.drill where is_passed;
