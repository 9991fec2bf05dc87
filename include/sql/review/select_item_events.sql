-- Purpose:    the trail of one review item, oldest first.
-- Reads:      review.trail
-- Parameters: item_id (bigint)
-- Repeatable: yes; reads only.
-- Returns:    the trail's columns, less the bead's place
select
    trail.verdict_key, trail.at, trail.who, trail.kind, trail.correction, trail.note, trail.seconds, trail.undoes,
    trail.undone, trail.settled, trail.store, trail.src_lang, trail.tgt_lang, trail.item_id, trail.unit_key, trail.before,
    trail.after
from review.item as item
join review.trail as trail using (batch_id, document_key, position)
where item.item_id = %(item_id)s
order by trail.verdict_id;
