-- Purpose:    drop what the older version of a document pair said and the new one does not.
-- Reads:      fresh, incoming
-- Writes:     tm.evidence
-- Parameters: none
-- Repeatable: yes.
delete from tm.evidence as evidence
using fresh
where
    evidence.store_id = fresh.store_id
    and evidence.document_key = fresh.document_key
    and not fresh.is_stale
    and not exists (
        select
        from incoming
        where
            incoming.store_id = evidence.store_id
            and incoming.unit_key = evidence.unit_key
            and incoming.document_key = evidence.document_key
    );
