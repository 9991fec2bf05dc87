-- Purpose:    collect the document pairs that a load brings: those of its accepted slices that are not settled yet and
--             that no tombstone names, each with whether the memory already holds a later version, or another one.
-- Reads:      ops.document, ops.slice, tm.store, tm.document, tm.tombstone
-- Writes:     fresh (temporary, gone with the transaction)
-- Parameters: batch_id (text), day (date), generation (bigint)
-- Repeatable: once a transaction.
create temporary table fresh on commit drop as
select
    store.store_id,
    document.document_key,
    document.name,
    document.src_lang,
    document.tgt_lang,
    document.content_hash,
    %(batch_id)s::text as batch_id,
    %(day)s::date as partition_date,
    %(generation)s::bigint as generation,
    known.batch_id as old_batch_id,
    coalesce((known.partition_date, known.generation) > (%(day)s::date, %(generation)s::bigint), false) as is_stale,
    -- A batch that is loaded again takes the place of what it loaded before: that is one version.
    coalesce(
        known.batch_id <> %(batch_id)s
        and (known.partition_date, known.generation) <= (%(day)s::date, %(generation)s::bigint),
        false
    ) as keeps_old,
    false as is_gone
from ops.document as document
-- By its whole key for each document, as in ops/insert_outcomes: an inner join may read all documents for each slice.
left join ops.slice as slice using (batch_id, store, src_lang, tgt_lang)
join tm.store as store on store.name = document.store
left join lateral (
    -- By its whole key: by the store alone every document of the batch would meet every one of the store.
    select held.batch_id, held.partition_date, held.generation
    from tm.document as held
    where held.store_id = store.store_id and held.document_key = document.document_key
    offset 0
) as known on true
where
    document.partition_date = %(day)s
    and document.batch_id = %(batch_id)s
    and document.state in ('aligned', 'ledger', 'imported')
    and coalesce(slice.verdict, '') = 'accept'
    and coalesce(slice.generation <> %(generation)s, true)
    and not exists (
        select
        from tm.tombstone as tombstone
        where
            tombstone.store_id = store.store_id
            and tombstone.src_lang = document.src_lang
            and tombstone.tgt_lang = document.tgt_lang
            and tombstone.document_key = document.document_key
    );
