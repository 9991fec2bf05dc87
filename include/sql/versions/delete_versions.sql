-- Purpose:    forget the versions of a batch that were put aside: a newer one stands above them.
-- Reads:      tm.withdrawn
-- Writes:     tm.withdrawn_document, tm.withdrawn, tm.withdrawn_unit
-- Parameters: batch_id (text), stores (integer[])
-- Repeatable: yes.
-- Returns:    documents
with versions as (
    delete from tm.withdrawn_document as withdrawn
    where withdrawn.store_id = any(%(stores)s) and withdrawn.batch_id = %(batch_id)s
    returning withdrawn.store_id, withdrawn.document_key
),

said as (
    delete from tm.withdrawn as withdrawn
    using versions
    where
        withdrawn.store_id = versions.store_id
        and withdrawn.document_key = versions.document_key
        and withdrawn.batch_id = %(batch_id)s
    returning withdrawn.store_id, withdrawn.unit_key
),

texts as (
    delete from tm.withdrawn_unit as kept
    using said
    where
        kept.store_id = said.store_id
        and kept.unit_key = said.unit_key
        and not exists (
            select
            from tm.withdrawn as other
            where
                other.store_id = said.store_id
                and other.unit_key = said.unit_key
                and other.batch_id <> %(batch_id)s
        )
)

select count(*) as documents from versions;
