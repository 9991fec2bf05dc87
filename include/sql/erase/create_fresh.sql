-- Purpose:    collect the named documents that the memory holds: they leave it, and the merge gives the units that others
--             say the evidence that is left.
-- Reads:      grave, tm.document
-- Writes:     fresh (temporary, gone with the transaction)
-- Parameters: store_id (integer)
-- Repeatable: once a transaction.
create temporary table fresh on commit drop as
select
    held.store_id,
    held.document_key,
    held.name,
    held.src_lang,
    held.tgt_lang,
    held.content_hash,
    null::text as batch_id,
    null::date as partition_date,
    null::bigint as generation,
    held.batch_id as old_batch_id,
    false as is_stale,
    false as keeps_old,
    true as is_gone,
    false as is_pruned
from tm.document as held
where
    held.store_id = %(store_id)s
    and held.document_key in (select grave.document_key from grave where grave.document_key <> '');
