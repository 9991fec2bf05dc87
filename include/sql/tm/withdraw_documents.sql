-- Purpose:    put aside the versions of document pairs that a load replaces, and those that it brings too late.
-- Grain:      one row of tm.withdrawn_document per (store_id, document_key, batch_id).
-- Reads:      fresh, tm.document
-- Writes:     tm.withdrawn_document
-- Parameters: none
-- Repeatable: once a load; what a first load brings writes nothing here.
insert into tm.withdrawn_document (
    store_id, document_key, batch_id, name, src_lang, tgt_lang, partition_date, generation, content_hash, withdrawn_by
)
select
    held.store_id, held.document_key, held.batch_id, held.name, held.src_lang, held.tgt_lang, held.partition_date,
    held.generation, held.content_hash, fresh.batch_id
from fresh
join tm.document as held on held.store_id = fresh.store_id and held.document_key = fresh.document_key
where fresh.keeps_old
union all
select
    fresh.store_id, fresh.document_key, fresh.batch_id, fresh.name, fresh.src_lang, fresh.tgt_lang,
    fresh.partition_date, fresh.generation, fresh.content_hash, fresh.old_batch_id
from fresh
where fresh.is_stale;
