-- Purpose:    the newest good backup of a batch.
-- Reads:      ops.backup
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    no row, or uri, files, bytes, manifest_sha256, seconds
select backup.uri, backup.files, backup.bytes, backup.manifest_sha256, backup.seconds
from ops.backup as backup
where backup.batch_id = %(batch_id)s and backup.state = 'good'
order by backup.taken_at desc
limit 1;
