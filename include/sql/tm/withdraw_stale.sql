-- Purpose:    put aside what document pairs say that come after a later version of them: it is what the memory holds
--             once that version is rolled back.
-- Grain:      one row of tm.withdrawn per (store_id, document_key, batch_id, unit_key), and of tm.withdrawn_unit per unit
--             that the memory does not have.
-- Reads:      fresh, staging.bead, buried, tm.unit
-- Writes:     tm.withdrawn, tm.withdrawn_unit
-- Parameters: none
-- Repeatable: once a load.
with said as materialized (
    select distinct on (fresh.store_id, bead.document_key, bead.unit_key) fresh.store_id, bead.*
    from fresh
    join staging.bead as bead on bead.batch_id = fresh.batch_id and bead.document_key = fresh.document_key
    where
        fresh.is_stale
        and bead.rule = ''
        and not exists (
            select
            from buried
            where buried.document_key = bead.document_key and buried.position = bead.position
        )
    order by fresh.store_id, bead.document_key, bead.unit_key, bead.score desc, bead.position
),

texts as (
    insert into tm.withdrawn_unit (
        store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
        item_key, review_state
    )
    select distinct on (said.store_id, said.unit_key)
        said.store_id, said.unit_key, said.src_lang, said.tgt_lang, said.src_text, said.tgt_text, said.src_hash,
        said.tgt_hash, said.context, said.prev_hash, said.next_hash, said.item_key, 'unreviewed'
    from said
    where
        not exists (
            select
            from tm.unit as unit
            where unit.store_id = said.store_id and unit.unit_key = said.unit_key
        )
    order by said.store_id, said.unit_key, said.document_key, said.position
    on conflict (store_id, unit_key) do nothing
)

insert into tm.withdrawn (store_id, document_key, batch_id, unit_key, position, tier, aligner, model_hash, score)
select
    said.store_id, said.document_key, said.batch_id, said.unit_key, said.position, said.tier, said.aligner,
    said.model_hash, said.score
from said;
