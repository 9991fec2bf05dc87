-- Purpose:    look for no text that other units of the store say rightly; mark those that other stores say.
-- Reads:      tm.unit, tm.withdrawn_unit
-- Writes:     sought (temporary)
-- Parameters: store_id (integer)
-- Repeatable: yes.
with said as materialized (
    select said.store_id, said.text
    from (
        select unit.store_id, unnest(array[unit.src_text, unit.tgt_text]) as text from tm.unit as unit
        union all
        select kept.store_id, unnest(array[kept.src_text, kept.tgt_text]) as text from tm.withdrawn_unit as kept
    ) as said
    where said.text in (select sought.text from sought)
),

gone as (
    delete from sought
    where sought.text = '' or sought.text in (select said.text from said where said.store_id = %(store_id)s)
)

update sought
set is_shared = true
where
    sought.text in (select said.text from said where said.store_id <> %(store_id)s)
    and sought.text not in (select said.text from said where said.store_id = %(store_id)s);
