-- Purpose:    one review item, held until the transaction ends: whoever writes it reads it first.
-- Grain:      one row, or none.
-- Reads:      review.item
-- Parameters: item_id (bigint)
-- Repeatable: yes.
-- Returns:    every column, and is_claimed
select item.*, item.claimed_by <> '' and item.claimed_until > now() as is_claimed
from review.item as item
where item.item_id = %(item_id)s
for update;
