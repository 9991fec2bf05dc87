-- Purpose:    remove the units with a named text: from the memory with all evidence for them, and from its history.
-- Reads:      erased
-- Writes:     tm.evidence (tm.extra with it), tm.unit (the look-up index by its trigger), tm.withdrawn, tm.withdrawn_unit
-- Parameters: store_id (integer)
-- Repeatable: yes.
-- Returns:    units (of the memory), evidence, versions (rows of tm.withdrawn), kept (of tm.withdrawn_unit)
with named as materialized (
    select erased.unit_key from erased where not erased.by_document
),

evidence as (
    delete from tm.evidence as evidence using named
    where evidence.store_id = %(store_id)s and evidence.unit_key = named.unit_key
    returning 1
),

units as (
    delete from tm.unit as unit using named
    where unit.store_id = %(store_id)s and unit.unit_key = named.unit_key
    returning 1
),

versions as (
    delete from tm.withdrawn as withdrawn using named
    where withdrawn.store_id = %(store_id)s and withdrawn.unit_key = named.unit_key
    returning 1
),

kept as (
    delete from tm.withdrawn_unit as kept using named
    where kept.store_id = %(store_id)s and kept.unit_key = named.unit_key
    returning 1
)

select
    (select count(*) from units) as units,
    (select count(*) from evidence) as evidence,
    (select count(*) from versions) as versions,
    (select count(*) from kept) as kept;
