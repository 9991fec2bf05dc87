-- Purpose:    take the tombstones of an erasure away.
-- Writes:     tm.tombstone, ops.erasure
-- Parameters: erasure (bigint, its journal entry), lifted_by (bigint)
-- Repeatable: yes.
-- Returns:    tombstones
with noted as (
    update ops.erasure set lifted_by = %(lifted_by)s where journal_id = %(erasure)s
),

gone as (
    delete from tm.tombstone as tombstone where tombstone.journal_id = %(erasure)s returning 1
)

select count(*) as tombstones from gone;
