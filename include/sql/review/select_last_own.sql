-- Purpose:    the last verdict of a reviewer on an item that still stands.
-- Grain:      one row, or none.
-- Reads:      review.item, review.effective
-- Parameters: item_id (bigint), who (text)
-- Repeatable: yes; reads only.
-- Returns:    verdict_key, kind
select effective.verdict_key, effective.kind
from review.item as item
join review.effective as effective using (batch_id, document_key, position)
where item.item_id = %(item_id)s and effective.who = %(who)s
order by effective.verdict_id desc
limit 1;
