-- Purpose:    record which document pair says which unit, and how well.
-- Grain:      one row of tm.evidence per (store_id, unit_key, document_key).
-- Reads:      incoming, fresh
-- Writes:     tm.evidence
-- Parameters: none
-- Repeatable: yes; a second run changes no row.
with said as not materialized (
    select
        incoming.store_id, incoming.document_key, incoming.unit_key, incoming.position, incoming.tier, incoming.aligner,
        incoming.model_hash, incoming.score, fresh.partition_date, fresh.batch_id, fresh.old_batch_id
    from incoming
    join fresh on fresh.store_id = incoming.store_id and fresh.document_key = incoming.document_key
    where incoming.rank_in_document = 1
),

first as (
    -- Of a document that the memory does not hold it has no evidence: to look for each row's conflict would take a
    -- third of this statement's time.
    insert into tm.evidence (
        store_id, document_key, unit_key, position, tier, aligner, model_hash, score, partition_date, batch_id
    )
    select
        said.store_id, said.document_key, said.unit_key, said.position, said.tier, said.aligner, said.model_hash,
        said.score, said.partition_date, said.batch_id
    from said
    where said.old_batch_id is null
)

insert into tm.evidence as known (
    store_id, document_key, unit_key, position, tier, aligner, model_hash, score, partition_date, batch_id
)
select
    said.store_id, said.document_key, said.unit_key, said.position, said.tier, said.aligner, said.model_hash, said.score,
    said.partition_date, said.batch_id
from said
where said.old_batch_id is not null
on conflict (store_id, unit_key, document_key) do update
    set
        position = excluded.position,
        tier = excluded.tier,
        aligner = excluded.aligner,
        model_hash = excluded.model_hash,
        score = excluded.score,
        partition_date = excluded.partition_date,
        batch_id = excluded.batch_id
    where
        (known.position, known.tier, known.aligner, known.model_hash, known.score, known.partition_date, known.batch_id)
        is distinct from
        (
            excluded.position, excluded.tier, excluded.aligner, excluded.model_hash, excluded.score,
            excluded.partition_date, excluded.batch_id
        );
