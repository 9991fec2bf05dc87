-- Purpose:    add holders to chunks that have room.
-- Writes:     tm.gram
-- Parameters: store_id (integer), src (text), tgt (text), grams (bigint[]), chunks (integer[]), holders (bytea[])
-- Repeatable: no.
update tm.gram as gram
set holders = gram.holders || added.holders
from unnest(%(grams)s::bigint[], %(chunks)s::integer[], %(holders)s::bytea[]) as added (gram, chunk, holders)
where
    gram.store_id = %(store_id)s
    and gram.src_lang = %(src)s
    and gram.tgt_lang = %(tgt)s
    and gram.gram = added.gram
    and gram.chunk = added.chunk;
