-- Purpose:    the stores and language pairs that hold documents: what there is to export.
-- Grain:      one row a store and pair.
-- Reads:      tm.document, tm.store
-- Parameters: store (text, null: all), src_lang (text, null: all), tgt_lang (text, null: all)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang
select distinct store.name as store, document.src_lang, document.tgt_lang
from tm.document as document
join tm.store as store on store.store_id = document.store_id
where
    (%(store)s::text is null or store.name = %(store)s)
    and (%(src_lang)s::text is null or document.src_lang = %(src_lang)s)
    and (%(tgt_lang)s::text is null or document.tgt_lang = %(tgt_lang)s)
order by store.name, document.src_lang, document.tgt_lang;
