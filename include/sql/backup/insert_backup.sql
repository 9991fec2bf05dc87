-- Purpose:    record a backup whose manifest is in storage.
-- Writes:     ops.backup
-- Parameters: uri (text), batch_id (text), taken_at (time), files (n), bytes (n), manifest_sha256 (hex), counts (json), seconds (s)
-- Repeatable: yes; a backup that is recorded stays as it is.
insert into ops.backup (uri, batch_id, taken_at, state, files, bytes, manifest_sha256, counts, seconds)
values (
    %(uri)s, %(batch_id)s, %(taken_at)s, 'good', %(files)s, %(bytes)s, %(manifest_sha256)s, %(counts)s::jsonb,
    %(seconds)s
)
on conflict (uri) do nothing;
