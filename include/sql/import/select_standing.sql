-- Purpose:    say whether an import has been done, nothing newer has taken the place of its documents since, and no
--             erasure in its store was lifted since: what was erased from it may come again.
-- Grain:      no row, or one.
-- Reads:      ops.batch, ops.document, ops.erasure, ops.journal, tm.store, tm.document
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    partition_date, is_standing
select
    batch.partition_date,
    batch.state = 'done' and not exists (
        select
        from ops.document as document
        left join tm.store as store on store.name = document.store
        left join tm.document as held
            on held.store_id = store.store_id and held.document_key = document.document_key
        where
            document.partition_date = batch.partition_date
            and document.batch_id = batch.batch_id
            -- Gone from the memory, or replaced by what came later; what was later already when this came stays so.
            and (held.document_key is null or held.generation > batch.generation)
    )
    and not exists (
        select
        from ops.journal as entry
        join ops.erasure as erasure on erasure.store = entry.store
        where entry.kind = 'import' and entry.facts ->> 'batch_id' = batch.batch_id
        having max(erasure.lifted_by) > max(entry.id)
    ) as is_standing
from ops.batch as batch
where batch.batch_id = %(batch_id)s;
