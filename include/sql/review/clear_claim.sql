-- Purpose:    let an item go, if this reviewer holds it.
-- Writes:     review.item
-- Parameters: item_id (bigint), who (text)
-- Repeatable: yes.
update review.item
set claimed_by = '', claimed_until = 'epoch'
where item_id = %(item_id)s and claimed_by = %(who)s;
