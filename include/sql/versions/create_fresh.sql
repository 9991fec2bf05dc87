-- Purpose:    collect the document pairs whose current version is a batch's, each with the version that the memory goes
--             back to: the newest of those put aside, or none.
-- Reads:      tm.document, tm.withdrawn_document
-- Writes:     fresh (temporary, gone with the transaction)
-- Parameters: batch_id (text), stores (integer[])
-- Repeatable: once a transaction.
create temporary table fresh on commit drop as
select
    held.store_id,
    held.document_key,
    coalesce(before.name, held.name) as name,
    held.src_lang,
    held.tgt_lang,
    before.content_hash,
    before.batch_id,
    before.partition_date,
    before.generation,
    held.batch_id as old_batch_id,
    false as is_stale,
    false as keeps_old,
    before.batch_id is null as is_gone,
    coalesce(before.is_pruned, false) as is_pruned
from tm.document as held
left join lateral (
    select withdrawn.*
    from tm.withdrawn_document as withdrawn
    where
        withdrawn.store_id = held.store_id
        and withdrawn.document_key = held.document_key
        and withdrawn.batch_id <> %(batch_id)s
    order by withdrawn.partition_date desc, withdrawn.generation desc
    limit 1
) as before on true
where held.store_id = any(%(stores)s) and held.batch_id = %(batch_id)s;
