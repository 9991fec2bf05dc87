-- Purpose:    what people said of two texts in a store, newest first.
-- Reads:      review.change, review.verdict, review.trail
-- Parameters: store (text), src_lang (text), tgt_lang (text), src_hash (bytea), tgt_hash (bytea)
-- Repeatable: yes; reads only.
-- Returns:    the trail's columns
with spoken as (
    select change.verdict_key
    from review.change as change
    where
        change.store = %(store)s
        and change.src_lang = %(src_lang)s
        and change.tgt_lang = %(tgt_lang)s
        and change.src_hash = %(src_hash)s
        and change.tgt_hash = %(tgt_hash)s
)

select trail.*
from review.trail as trail
where trail.verdict_key in (select spoken.verdict_key from spoken) or trail.undoes in (select spoken.verdict_key from spoken)
order by trail.verdict_id desc
limit 200;
