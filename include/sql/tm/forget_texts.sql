-- Purpose:    keep texts once: those of units that are in the memory again are not kept with the withdrawn versions.
-- Reads:      touched, tm.unit
-- Writes:     tm.withdrawn_unit
-- Parameters: none
-- Repeatable: yes.
delete from tm.withdrawn_unit as withdrawn
using touched
where
    withdrawn.store_id = touched.store_id
    and withdrawn.unit_key = touched.unit_key
    and exists (
        select
        from tm.unit as unit
        where unit.store_id = touched.store_id and unit.unit_key = touched.unit_key
    );
