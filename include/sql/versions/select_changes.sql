-- Purpose:    the units that a batch or import brought into the memory, took out of it, or gave another target: a removed
--             and a new unit of one document with the same source are one that changed.
-- Grain:      one row a unit; the first of each kind, with how many there are of it.
-- Reads:      ops.document, ops.outcome, tm.store, tm.withdrawn_document, tm.withdrawn, tm.withdrawn_unit, tm.unit
-- Parameters: batch_id (text), day (date), store (text, null: all), most (integer)
-- Repeatable: yes; reads only.
-- Returns:    kind (added, changed, removed), store, name, src_lang, tgt_lang, src_text, tgt_text, old_text, total; a text is
--             null where its unit is not kept any more
with documents as materialized (
    select store.store_id, document.store, document.document_key, document.name, document.src_lang, document.tgt_lang
    from ops.document as document
    join tm.store as store on store.name = document.store
    where
        document.partition_date = %(day)s
        and document.batch_id = %(batch_id)s
        and (%(store)s::text is null or document.store = %(store)s)
),

came as (
    select documents.store_id, documents.document_key, outcome.unit_key, outcome.position
    from documents
    join ops.outcome as outcome
        on
            outcome.partition_date = %(day)s
            and outcome.batch_id = %(batch_id)s
            and outcome.document_key = documents.document_key
    where outcome.outcome = 'new'
),

went as (
    -- Two documents may have said the unit: it left once.
    select distinct on (withdrawn.store_id, withdrawn.unit_key)
        withdrawn.store_id, withdrawn.document_key, withdrawn.unit_key, withdrawn.position
    from documents
    join tm.withdrawn_document as version
        on
            version.store_id = documents.store_id
            and version.document_key = documents.document_key
            and version.withdrawn_by = %(batch_id)s
    join tm.withdrawn as withdrawn
        on
            withdrawn.store_id = version.store_id
            and withdrawn.document_key = version.document_key
            and withdrawn.batch_id = version.batch_id
    where withdrawn.is_gone
    order by withdrawn.store_id, withdrawn.unit_key, withdrawn.document_key
),

texts as (
    select
        one.is_new, one.store_id, one.document_key, one.position,
        coalesce(unit.src_text, kept.src_text) as src_text,
        coalesce(unit.tgt_text, kept.tgt_text) as tgt_text,
        row_number() over (
            partition by one.is_new, one.store_id, one.document_key, coalesce(unit.src_hash, kept.src_hash, one.unit_key)
            order by one.position
        ) as number,
        coalesce(unit.src_hash, kept.src_hash, one.unit_key) as src_hash
    from (
        select true as is_new, came.* from came
        union all
        select false as is_new, went.* from went
    ) as one
    left join tm.unit as unit on unit.store_id = one.store_id and unit.unit_key = one.unit_key
    left join tm.withdrawn_unit as kept on kept.store_id = one.store_id and kept.unit_key = one.unit_key
),

changes as (
    select
        case when before.number is null then 'added' when after.number is null then 'removed' else 'changed' end as kind,
        coalesce(after.store_id, before.store_id) as store_id,
        coalesce(after.document_key, before.document_key) as document_key,
        coalesce(after.position, before.position) as position,
        coalesce(after.src_text, before.src_text) as src_text,
        after.tgt_text,
        before.tgt_text as old_text
    from (select texts.* from texts where texts.is_new) as after
    full join (select texts.* from texts where not texts.is_new) as before
        on
            before.store_id = after.store_id
            and before.document_key = after.document_key
            and before.src_hash = after.src_hash
            and before.number = after.number
),

ranked as (
    select
        changes.kind, documents.store, documents.name, documents.src_lang, documents.tgt_lang, changes.src_text,
        changes.tgt_text, changes.old_text,
        count(*) over (partition by changes.kind) as total,
        row_number() over (
            partition by changes.kind
            order by documents.store, documents.name, documents.src_lang, documents.tgt_lang, changes.position
        ) as number
    from changes
    join documents using (store_id, document_key)
)

select
    ranked.kind, ranked.store, ranked.name, ranked.src_lang, ranked.tgt_lang, ranked.src_text, ranked.tgt_text,
    ranked.old_text, ranked.total
from ranked
where ranked.number <= greatest(%(most)s, 1)
order by ranked.kind, ranked.number;
