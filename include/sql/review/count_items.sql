-- Purpose:    count the items that were drawn of a batch.
-- Reads:      review.item
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    items
select count(*) as items from review.item where batch_id = %(batch_id)s and origin = 'sample';
