-- Purpose:    forget the withdrawn versions that the documents at hand are: a batch loaded again brings its own anew, and
--             a roll-back makes one current.
-- Reads:      fresh
-- Writes:     tm.withdrawn_document, tm.withdrawn
-- Parameters: none
-- Repeatable: yes.
with versions as (
    delete from tm.withdrawn_document as withdrawn
    using fresh
    where
        withdrawn.store_id = fresh.store_id
        and withdrawn.document_key = fresh.document_key
        and withdrawn.batch_id = fresh.batch_id
)

delete from tm.withdrawn as withdrawn
using fresh
where
    withdrawn.store_id = fresh.store_id
    and withdrawn.document_key = fresh.document_key
    and withdrawn.batch_id = fresh.batch_id;
