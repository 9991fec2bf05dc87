-- Purpose:    remove what an earlier try recorded of a batch's documents.
-- Writes:     ops.document
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes.
delete from ops.document where partition_date = %(day)s and batch_id = %(batch_id)s;
