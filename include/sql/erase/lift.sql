-- Purpose:    take the tombstones of an erasure away.
-- Reads:      tm.store
-- Writes:     tm.tombstone, ops.erasure
-- Parameters: erasure (bigint, its journal entry), lifted_by (bigint)
-- Repeatable: yes.
-- Returns:    tombstones
with noted as (
    update ops.erasure set lifted_by = %(lifted_by)s where journal_id = %(erasure)s
),

gone as (
    delete from tm.tombstone as tombstone
    using tm.store as store
    join ops.erasure as erasure on erasure.store = store.name
    where
        erasure.journal_id = %(erasure)s
        and tombstone.store_id = store.store_id
        and tombstone.journal_id = erasure.journal_id
    returning 1
)

select count(*) as tombstones from gone;
