-- Purpose:    forget the alignments of the documents that say what is erased: they are aligned anew if they come again.
-- Reads:      struck
-- Writes:     ops.ledger
-- Parameters: none
-- Repeatable: yes.
-- Returns:    alignments
with gone as (
    delete from ops.ledger as ledger
    where ledger.document_key in (select struck.document_key from struck)
    returning 1
)

select count(*) as alignments from gone;
