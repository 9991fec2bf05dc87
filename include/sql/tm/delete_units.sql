-- Purpose:    remove the units that no document says any more; keep their texts if a withdrawn version says them.
-- Reads:      touched, fresh, tm.evidence
-- Writes:     tm.unit, tm.withdrawn_unit, tm.withdrawn
-- Parameters: none
-- Repeatable: yes.
-- Returns:    store_id, src_lang, tgt_lang, removed
with unsaid as materialized (
    -- Asked of the keys alone, whose number the planner knows. Joined to the memory's units, which it may not have seen
    -- since there was one, it would expect a row, and look through a store's evidence for each.
    select touched.store_id, touched.unit_key
    from touched
    where
        not exists (
            select
            from tm.evidence as evidence
            where evidence.store_id = touched.store_id and evidence.unit_key = touched.unit_key
        )
),

gone as (
    delete from tm.unit as unit
    using unsaid
    where unit.store_id = unsaid.store_id and unit.unit_key = unsaid.unit_key
    returning unit.*
),

kept as (
    insert into tm.withdrawn_unit (
        store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
        item_key, review_state
    )
    select
        gone.store_id, gone.unit_key, gone.src_lang, gone.tgt_lang, gone.src_text, gone.tgt_text, gone.src_hash,
        gone.tgt_hash, gone.context, gone.prev_hash, gone.next_hash, gone.item_key, gone.review_state
    from gone
    where
        exists (
            select
            from tm.withdrawn as withdrawn
            where withdrawn.store_id = gone.store_id and withdrawn.unit_key = gone.unit_key
        )
    on conflict (store_id, unit_key) do nothing
),

marked as (
    update tm.withdrawn as withdrawn
    set is_gone = true
    from fresh
    where
        withdrawn.store_id = fresh.store_id
        and withdrawn.document_key = fresh.document_key
        and withdrawn.batch_id = fresh.old_batch_id
        -- A set that is looked up by its hash: of what is gone the planner expects a row, however much it is.
        and coalesce(
            (withdrawn.store_id, withdrawn.unit_key) in (select gone.store_id, gone.unit_key from gone), false
        )
)

select gone.store_id, gone.src_lang, gone.tgt_lang, count(*) as removed
from gone
group by gone.store_id, gone.src_lang, gone.tgt_lang;
