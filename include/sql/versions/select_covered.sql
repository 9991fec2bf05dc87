-- Purpose:    the document pairs that a newer version stands above: rolling the batch back does not change what the memory
--             holds of them.
-- Reads:      tm.withdrawn_document, tm.document, tm.store, ops.batch
-- Parameters: batch_id (text), stores (integer[])
-- Repeatable: yes; reads only.
-- Returns:    store, name, src_lang, tgt_lang, above (batch_id), partition_date (of that batch's version)
select
    store.name as store, withdrawn.name, withdrawn.src_lang, withdrawn.tgt_lang,
    coalesce(held.batch_id, '') as above, held.partition_date
from tm.withdrawn_document as withdrawn
join tm.store as store using (store_id)
left join tm.document as held
    on held.store_id = withdrawn.store_id and held.document_key = withdrawn.document_key
where withdrawn.store_id = any(%(stores)s) and withdrawn.batch_id = %(batch_id)s
order by store.name, withdrawn.name, withdrawn.src_lang, withdrawn.tgt_lang;
