-- Purpose:    the source texts that a merge brings and the index of look-ups does not know, before their units are there.
-- Grain:      one row a store, language pair and text, in the order of the texts' hashes: it is the fastest to make, and
--             that of an index of tm.source.
-- Reads:      touched, incoming, tm.source, tm.pending
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    store_id, src_lang, tgt_lang, src_hash, src_text
select distinct on (incoming.src_hash, incoming.store_id, incoming.src_lang, incoming.tgt_lang)
    incoming.store_id, incoming.src_lang, incoming.tgt_lang, incoming.src_hash, incoming.src_text
from incoming
join touched on touched.store_id = incoming.store_id and touched.unit_key = incoming.unit_key
where
    incoming.rank_in_batch = 1
    and touched.old_tier is null
    and not exists (
        select
        from tm.source as source
        where
            source.store_id = incoming.store_id
            and source.src_lang = incoming.src_lang
            and source.tgt_lang = incoming.tgt_lang
            and source.src_hash = incoming.src_hash
    )
    -- What somebody forgot to index is taken from the queue.
    and not exists (
        select
        from tm.pending as pending
        where
            pending.store_id = incoming.store_id
            and pending.src_lang = incoming.src_lang
            and pending.tgt_lang = incoming.tgt_lang
            and pending.src_hash = incoming.src_hash
    )
order by incoming.src_hash, incoming.store_id, incoming.src_lang, incoming.tgt_lang;
