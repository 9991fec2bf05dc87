-- Purpose:    bring a store's corrected units to what waiting verdicts say: a correction that stands is evidence of its
--             own, under the verdict's key and the batch "review"; one that was taken back, or whose texts were refused or erased, is none.
-- Reads:      review.unsettled, review.verdict, review.change, review.effective, tm.ruling, tm.tombstone
-- Writes:     tm.document, tm.evidence, tm.unit
-- Parameters: store (text), store_id (integer)
-- Repeatable: yes.
-- Returns:    unit_key (of units whose evidence has to be weighed again)
with spoken as materialized (
    -- Of a pair of texts that a verdict touches, every correction: what refuses one may stand in another document.
    select distinct corrected.verdict_key
    from review.unsettled as waiting
    join review.verdict as verdict using (verdict_key)
    join review.change as change on change.verdict_key = coalesce(verdict.undoes, verdict.verdict_key)
    join review.change as corrected
        on
            corrected.side = 'after'
            and corrected.store = change.store
            and corrected.src_lang = change.src_lang
            and corrected.tgt_lang = change.tgt_lang
            and corrected.src_hash = change.src_hash
            and corrected.tgt_hash = change.tgt_hash
    where waiting.store = %(store)s
),

wanted as materialized (
    select distinct on (change.verdict_key, change.unit_key)
        change.*, effective.partition_date, effective.document_key as said_in
    from spoken
    join review.effective as effective using (verdict_key)
    join review.change as change on change.verdict_key = spoken.verdict_key and change.side = 'after'
    where
        not exists (
            select
            from tm.ruling as ruling
            where
                ruling.store_id = %(store_id)s
                and ruling.src_lang = change.src_lang
                and ruling.tgt_lang = change.tgt_lang
                and ruling.src_hash = change.src_hash
                and ruling.tgt_hash = change.tgt_hash
                and ruling.is_rejected
        )
        and not exists (
            select
            from tm.tombstone as tombstone
            where
                tombstone.store_id = %(store_id)s
                and tombstone.src_lang = change.src_lang
                and tombstone.tgt_lang = change.tgt_lang
                and tombstone.document_key = ''
                and tombstone.src_hash = change.src_hash
                and tombstone.tgt_hash in ('', change.tgt_hash)
        )
        and change.src_text <> ''
    order by change.verdict_key, change.unit_key, change.number
),

unsaid as (
    delete from tm.evidence as evidence using spoken
    where
        evidence.store_id = %(store_id)s
        and evidence.document_key = spoken.verdict_key
        and not exists (
            select from wanted
            where wanted.verdict_key = evidence.document_key and wanted.unit_key = evidence.unit_key
        )
    returning evidence.unit_key
),

forgotten as (
    delete from tm.document as document using spoken
    where
        document.store_id = %(store_id)s
        and document.document_key = spoken.verdict_key
        and not exists (select from wanted where wanted.verdict_key = spoken.verdict_key)
),

document as (
    insert into tm.document (
        store_id, document_key, name, src_lang, tgt_lang, partition_date, generation, batch_id, content_hash
    )
    select distinct on (wanted.verdict_key)
        %(store_id)s, wanted.verdict_key, coalesce(document.name, ''), wanted.src_lang, wanted.tgt_lang,
        wanted.partition_date, 0, 'review', ''
    from wanted
    left join tm.document as document
        on document.store_id = %(store_id)s and document.document_key = wanted.said_in
    order by wanted.verdict_key
    on conflict (store_id, document_key) do nothing
),

evidence as (
    insert into tm.evidence (
        store_id, document_key, unit_key, position, tier, aligner, model_hash, score, partition_date, batch_id
    )
    select
        %(store_id)s, wanted.verdict_key, wanted.unit_key, wanted.position, 'reviewed', '', '', 1, wanted.partition_date,
        'review'
    from wanted
    on conflict (store_id, document_key, unit_key) do nothing
),

unit as (
    insert into tm.unit (
        store_id, unit_key, src_lang, tgt_lang, src_text, tgt_text, src_hash, tgt_hash, context, prev_hash, next_hash,
        item_key, document_key, position, tier, aligner, model_hash, score, partition_date, batch_id
    )
    select distinct on (wanted.unit_key)
        %(store_id)s, wanted.unit_key, wanted.src_lang, wanted.tgt_lang, wanted.src_text, wanted.tgt_text,
        wanted.src_hash, wanted.tgt_hash, wanted.context, wanted.prev_hash, wanted.next_hash, wanted.item_key,
        wanted.verdict_key, wanted.position, 'reviewed', '', '', 1, wanted.partition_date, 'review'
    from wanted
    order by wanted.unit_key, wanted.verdict_key
    on conflict (store_id, unit_key) do nothing
)

select unsaid.unit_key from unsaid
union
select wanted.unit_key from wanted;
