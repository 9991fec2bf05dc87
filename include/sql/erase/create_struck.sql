-- Purpose:    collect the documents that say what is erased, or did: their old beads must not be taken from the ledger.
-- Reads:      grave, erased, tm.evidence, tm.withdrawn
-- Writes:     struck (temporary, gone with the transaction)
-- Parameters: store_id (integer)
-- Repeatable: once a transaction.
create temporary table struck on commit drop as
select evidence.document_key
from erased
join tm.evidence as evidence on evidence.store_id = %(store_id)s and evidence.unit_key = erased.unit_key
where not erased.by_document
union
select withdrawn.document_key
from erased
join tm.withdrawn as withdrawn on withdrawn.store_id = %(store_id)s and withdrawn.unit_key = erased.unit_key
where not erased.by_document
union
select grave.document_key
from grave
where grave.document_key <> '';
