-- Purpose:    the fingerprint of each open slice of a batch: what a person's decision on it stands for.
-- Grain:      one row an open slice (one that the batch's generation has not settled).
-- Reads:      ops.batch, ops.slice, ops.document, staging.bead
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only. The same documents, texts, scores and rejections give the same fingerprint.
-- Returns:    store, src_lang, tgt_lang, content (64 hexadecimal digits)
with by_document as (
    select
        bead.document_key,
        sha256(
            convert_to(
                string_agg(
                    concat_ws(
                        ' ', bead.position, encode(bead.unit_key, 'hex'), bead.src_count, bead.tgt_count, bead.tier,
                        bead.score, bead.rule
                    ),
                    ';' order by bead.position, bead.unit_key, bead.score
                ),
                'UTF8'
            )
        ) as beads
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    group by bead.document_key
),

-- A full join is never made by looking through one side for each row of the other, whatever the planner expects.
by_slice as materialized (
    select
        document.store,
        document.src_lang,
        document.tgt_lang,
        string_agg(
            concat_ws(' ', encode(document.document_key, 'hex'), document.content_hash, encode(by_document.beads, 'hex')),
            ';' order by document.document_key
        ) as documents
    from (
        select known.*
        from ops.document as known
        where known.partition_date = %(day)s and known.batch_id = %(batch_id)s
    ) as document
    full join by_document on by_document.document_key = document.document_key
    group by document.store, document.src_lang, document.tgt_lang
)

select
    slice.store,
    slice.src_lang,
    slice.tgt_lang,
    encode(sha256(convert_to(coalesce(by_slice.documents, ''), 'UTF8')), 'hex') as content
from ops.slice as slice
join ops.batch as batch using (batch_id)
left join by_slice using (store, src_lang, tgt_lang)
where slice.batch_id = %(batch_id)s and slice.generation is distinct from batch.generation
order by slice.store, slice.src_lang, slice.tgt_lang;
