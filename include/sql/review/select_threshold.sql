-- Purpose:    the threshold between the tiers that was approved last.
-- Grain:      one row, or none.
-- Reads:      review.threshold
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    value (null: the setting holds)
select value from review.threshold order by version desc limit 1;
