-- Purpose:    let a reviewer hold an item for some minutes.
-- Writes:     review.item
-- Parameters: item_id (bigint), who (text), minutes (integer)
-- Repeatable: yes; the minutes start anew.
update review.item
set claimed_by = %(who)s, claimed_until = now() + make_interval(mins => %(minutes)s)
where item_id = %(item_id)s;
