-- Purpose:    find a verdict by its key.
-- Grain:      one row, or none.
-- Reads:      review.verdict
-- Parameters: verdict_key (bytea)
-- Repeatable: yes; reads only.
-- Returns:    verdict_id
select verdict_id from review.verdict where verdict_key = %(verdict_key)s;
