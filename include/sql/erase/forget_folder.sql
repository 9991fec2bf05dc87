-- Purpose:    forget the alignments whose files an erasure has changed.
-- Writes:     ops.ledger
-- Parameters: folder (text), documents (bytea[])
-- Repeatable: yes.
delete from ops.ledger where folder = %(folder)s and document_key = any(%(documents)s);
