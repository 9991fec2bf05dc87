-- Purpose:    where source texts wait to be indexed, and how many.
-- Grain:      one row a store and language pair.
-- Reads:      tm.pending
-- Parameters: stores (integer[], null: all)
-- Repeatable: yes; reads only.
-- Returns:    store_id, src_lang, tgt_lang, texts
select pending.store_id, pending.src_lang, pending.tgt_lang, count(*) as texts
from tm.pending as pending
where %(stores)s::integer[] is null or pending.store_id = any(%(stores)s)
group by pending.store_id, pending.src_lang, pending.tgt_lang
order by pending.store_id, pending.src_lang, pending.tgt_lang;
