-- Purpose:    queue the source texts of a merge's new units that have left the index of look-ups since the merge looked:
--             the last older unit that had them was removed.
-- Grain:      one row a store, language pair and text.
-- Reads:      touched, incoming, tm.source
-- Writes:     tm.pending
-- Parameters: none
-- Repeatable: yes.
insert into tm.pending (store_id, src_lang, tgt_lang, src_hash, src_text)
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
on conflict do nothing;
