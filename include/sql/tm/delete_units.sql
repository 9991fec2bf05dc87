-- Purpose:    remove the units that no document says any more.
-- Reads:      touched, tm.evidence
-- Writes:     tm.unit
-- Parameters: none
-- Repeatable: yes.
-- Returns:    removed
with gone as (
    delete from tm.unit as unit
    using touched
    where
        unit.store_id = touched.store_id
        and unit.unit_key = touched.unit_key
        and not exists (
            select
            from tm.evidence as evidence
            where evidence.store_id = touched.store_id and evidence.unit_key = touched.unit_key
        )
    returning unit.unit_key
)
select count(*) as removed from gone;
