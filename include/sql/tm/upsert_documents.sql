-- Purpose:    record which version of each document pair the memory holds now.
-- Grain:      one row of tm.document per (store_id, document_key).
-- Reads:      fresh
-- Writes:     tm.document
-- Parameters: none
-- Repeatable: yes.
with gone as (
    delete from tm.document as held
    using fresh
    where fresh.is_gone and held.store_id = fresh.store_id and held.document_key = fresh.document_key
)

insert into tm.document (
    store_id, document_key, name, src_lang, tgt_lang, partition_date, generation, batch_id, content_hash
)
select
    fresh.store_id, fresh.document_key, fresh.name, fresh.src_lang, fresh.tgt_lang, fresh.partition_date,
    fresh.generation, fresh.batch_id, fresh.content_hash
from fresh
where not fresh.is_stale and not fresh.is_gone
on conflict (store_id, document_key) do update
    set
        name = excluded.name,
        partition_date = excluded.partition_date,
        generation = excluded.generation,
        batch_id = excluded.batch_id,
        content_hash = excluded.content_hash;
