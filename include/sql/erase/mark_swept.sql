-- Purpose:    note that the files of object storage hold nothing any more of what an erasure names.
-- Writes:     ops.erasure
-- Parameters: ids (bigint[])
-- Repeatable: yes.
update ops.erasure set swept_at = now() where journal_id = any(%(ids)s);
