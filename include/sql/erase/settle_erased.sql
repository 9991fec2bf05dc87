-- Purpose:    leave out of the erased those units of named documents that another document says too.
-- Reads:      tm.unit, tm.withdrawn_unit
-- Writes:     erased (temporary)
-- Parameters: store_id (integer)
-- Repeatable: yes.
delete from erased
where
    erased.by_document
    and (
        exists (
            select from tm.unit as unit where unit.store_id = %(store_id)s and unit.unit_key = erased.unit_key
        )
        or exists (
            select
            from tm.withdrawn_unit as kept
            where kept.store_id = %(store_id)s and kept.unit_key = erased.unit_key
        )
    );
