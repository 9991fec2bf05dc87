-- Purpose:    say whether an import has been done and nothing newer has taken the place of its documents since.
-- Grain:      no row, or one.
-- Reads:      ops.batch, ops.document, tm.store, tm.document
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
    ) as is_standing
from ops.batch as batch
where batch.batch_id = %(batch_id)s;
