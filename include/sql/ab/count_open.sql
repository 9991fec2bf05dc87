-- Purpose:    how many of a comparison's blind items want a verdict still.
-- Grain:      one row.
-- Reads:      review.item
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    open, items
select count(*) filter (where state = 'open') as open, count(*) as items
from review.item
where batch_id = %(batch_id)s and origin = 'blind';
