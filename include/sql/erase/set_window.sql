-- Purpose:    replace the window round a review item by one without an erased text.
-- Writes:     review.item
-- Parameters: item_id (bigint), around (jsonb)
-- Repeatable: yes.
update review.item set around = %(around)s where item_id = %(item_id)s;
