-- Purpose:    record the deposited files of a batch.
-- Writes:     ops.file
-- Parameters: none
-- Repeatable: no; ops/forget_batch comes first, in the same transaction.
copy ops.file (path, store, size, sha256, state, reason, partition_date, batch_id) from stdin (format csv);
