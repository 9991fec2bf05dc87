-- Purpose:    one comparison, held until the transaction ends.
-- Grain:      one row, or none.
-- Reads:      review.comparison
-- Parameters: batch_id (text)
-- Repeatable: yes.
-- Returns:    every column
select * from review.comparison where batch_id = %(batch_id)s for update;
