-- Purpose:    say of deposited files that they could not be read, once the tasks that read them have found out.
-- Writes:     ops.file
-- Parameters: batch_id (text), day (date), paths (text[]), reasons (text[])
-- Repeatable: yes.
update ops.file as file
set state = 'unreadable', reason = found.reason
from unnest(%(paths)s::text[], %(reasons)s::text[]) as found (path, reason)
where file.partition_date = %(day)s and file.batch_id = %(batch_id)s and file.path = found.path;
