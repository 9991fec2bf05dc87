-- Purpose:    the last chunk of each gram, and how many bytes are in it.
-- Reads:      tm.gram
-- Parameters: store_id (integer), src (text), tgt (text), grams (bigint[])
-- Repeatable: yes; reads only.
-- Returns:    gram, chunk, bytes
select last.gram, last.chunk, last.bytes
from unnest(%(grams)s::bigint[]) as wanted (gram)
cross join lateral (
    select gram.gram, gram.chunk, octet_length(gram.holders) as bytes
    from tm.gram as gram
    where
        gram.store_id = %(store_id)s
        and gram.src_lang = %(src)s
        and gram.tgt_lang = %(tgt)s
        and gram.gram = wanted.gram
    order by gram.chunk desc
    limit 1
) as last;
