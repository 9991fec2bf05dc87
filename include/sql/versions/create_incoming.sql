-- Purpose:    collect what the versions said that a roll-back brings back, less what was erased since.
-- Grain:      one row a unit of a version, in the shape of tm/create_incoming.
-- Reads:      fresh, tm.withdrawn, tm.withdrawn_unit, tm.unit, tm.tombstone
-- Writes:     incoming (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table incoming on commit drop as
with said as (
    select
        withdrawn.store_id, withdrawn.document_key, withdrawn.position, withdrawn.unit_key,
        coalesce(unit.src_lang, kept.src_lang) as src_lang,
        coalesce(unit.tgt_lang, kept.tgt_lang) as tgt_lang,
        coalesce(unit.src_text, kept.src_text) as src_text,
        coalesce(unit.tgt_text, kept.tgt_text) as tgt_text,
        coalesce(unit.src_hash, kept.src_hash) as src_hash,
        coalesce(unit.tgt_hash, kept.tgt_hash) as tgt_hash,
        coalesce(unit.context, kept.context) as context,
        coalesce(unit.prev_hash, kept.prev_hash) as prev_hash,
        coalesce(unit.next_hash, kept.next_hash) as next_hash,
        coalesce(unit.item_key, kept.item_key) as item_key,
        withdrawn.tier, withdrawn.aligner, withdrawn.model_hash, withdrawn.score, withdrawn.facts,
        fresh.partition_date
    from fresh
    join tm.withdrawn as withdrawn
        on
            withdrawn.store_id = fresh.store_id
            and withdrawn.document_key = fresh.document_key
            and withdrawn.batch_id = fresh.batch_id
    left join tm.unit as unit on unit.store_id = withdrawn.store_id and unit.unit_key = withdrawn.unit_key
    left join tm.withdrawn_unit as kept on kept.store_id = withdrawn.store_id and kept.unit_key = withdrawn.unit_key
)

select
    said.*,
    row_number() over (
        partition by said.store_id, said.unit_key
        order by
            (said.tier = 'imported') desc, said.score desc, said.partition_date desc, said.document_key, said.position
    ) as rank_in_batch,
    1 as rank_in_document
from said
where
    not exists (
        select
        from tm.tombstone as tombstone
        where
            tombstone.store_id = said.store_id
            and tombstone.src_lang = said.src_lang
            and tombstone.tgt_lang = said.tgt_lang
            and tombstone.document_key = ''
            and tombstone.src_hash = said.src_hash
            and tombstone.tgt_hash in ('', said.tgt_hash)
    );
