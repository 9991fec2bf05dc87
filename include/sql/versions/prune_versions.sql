-- Purpose:    put away what versions said that were replaced before a moment, and the texts that only they said. Their rows
--             stay, so that a roll-back to one is refused and not taken for a document without an older version.
-- Reads:      tm.withdrawn
-- Writes:     tm.withdrawn_document, tm.withdrawn, tm.withdrawn_unit
-- Parameters: before (timestamptz)
-- Repeatable: yes.
-- Returns:    documents, units (texts that went)
with versions as (
    update tm.withdrawn_document as withdrawn
    set is_pruned = true
    where withdrawn.withdrawn_at < %(before)s and not withdrawn.is_pruned
    returning withdrawn.store_id, withdrawn.document_key, withdrawn.batch_id
),

said as (
    delete from tm.withdrawn as withdrawn
    using versions
    where
        withdrawn.store_id = versions.store_id
        and withdrawn.document_key = versions.document_key
        and withdrawn.batch_id = versions.batch_id
),

texts as (
    delete from tm.withdrawn_unit as kept
    where
        not exists (
            select
            from tm.withdrawn as other
            where
                other.store_id = kept.store_id
                and other.unit_key = kept.unit_key
                and not exists (
                    select
                    from versions
                    where
                        versions.store_id = other.store_id
                        and versions.document_key = other.document_key
                        and versions.batch_id = other.batch_id
                )
        )
    returning kept.unit_key
)

select (select count(*) from versions) as documents, (select count(*) from texts) as units;
