-- Purpose:    a page of the trail, newest first.
-- Reads:      review.trail
-- Parameters: store (text), src_lang (text), tgt_lang (text), who (text), kind (text), after (bigint), most (integer)
--             filters are null for all
-- Repeatable: yes; reads only.
-- Returns:    the trail's columns
select trail.*
from review.trail as trail
where
    trail.verdict_id < %(after)s
    and (%(store)s::text is null or trail.store = %(store)s)
    and (%(src_lang)s::text is null or trail.src_lang = %(src_lang)s)
    and (%(tgt_lang)s::text is null or trail.tgt_lang = %(tgt_lang)s)
    and (%(who)s::text is null or trail.who = %(who)s)
    and (%(kind)s::text is null or trail.kind = %(kind)s)
order by trail.verdict_id desc
limit %(most)s;
