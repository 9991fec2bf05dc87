-- Purpose:    note that entries lie in object storage.
-- Writes:     ops.journal
-- Parameters: ids (bigint)
-- Repeatable: yes.
update ops.journal set shipped_at = now() where id = any(%(ids)s) and shipped_at is null;
