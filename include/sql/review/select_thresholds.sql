-- Purpose:    every decision on the threshold between the tiers, newest first.
-- Reads:      review.threshold
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    version, at, value, who, why
select version, at, value, who, why from review.threshold order by version desc;
