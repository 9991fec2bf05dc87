-- Purpose:    bring units back that were refused and are no longer, as far as the documents that said them still do,
--             and nobody erased them.
-- Reads:      tm.ruling, tm.document, tm.tombstone
-- Writes:     review.removed, tm.evidence, tm.extra, tm.unit
-- Parameters: store_id (integer), pairs (jsonb)
--             pairs as review/select_ruled returns them
-- Repeatable: yes.
-- Returns:    unit_key (of units whose evidence has to be weighed again)
with back as materialized (
    delete from review.removed as removed
    where
        removed.store_id = %(store_id)s
        and (removed.src_hash, removed.tgt_hash) in (
            select pair.src_hash, pair.tgt_hash
            from jsonb_to_recordset(%(pairs)s) as pair (src_hash bytea, tgt_hash bytea)
        )
        and not exists (
            select
            from tm.ruling as ruling
            where
                ruling.store_id = removed.store_id
                and ruling.src_lang = removed.src_lang
                and ruling.tgt_lang = removed.tgt_lang
                and ruling.src_hash = removed.src_hash
                and ruling.tgt_hash = removed.tgt_hash
                and ruling.is_rejected
        )
    returning removed.*
),

said as materialized (
    select back.*
    from back
    join tm.document as document
        on
            document.store_id = back.store_id
            and document.document_key = back.document_key
            and document.content_hash = back.content_hash
    where
        not exists (
            select
            from tm.tombstone as tombstone
            where
                tombstone.store_id = %(store_id)s
                and tombstone.src_lang = back.src_lang
                and tombstone.tgt_lang = back.tgt_lang
                and tombstone.document_key = ''
                and tombstone.src_hash = back.src_hash
                and tombstone.tgt_hash in ('', back.tgt_hash)
        )
),

evidence as (
    insert into tm.evidence
    select evidence.* from said, jsonb_populate_record(null::tm.evidence, said.evidence) as evidence
    on conflict (store_id, document_key, unit_key) do nothing
    returning document_key, unit_key
),

unit as (
    insert into tm.unit
    select distinct on (unit.unit_key) unit.* from said, jsonb_populate_record(null::tm.unit, said.unit) as unit
    order by unit.unit_key
    on conflict (store_id, unit_key) do nothing
)

select distinct said.unit_key, said.document_key, said.extra
from said;
