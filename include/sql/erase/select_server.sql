-- Purpose:    what of a server keeps copies of what was in its tables: its log, an archive of it, and replicas.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    max_wal_size, archive_mode, replicas, slots
select
    current_setting('max_wal_size') as max_wal_size,
    current_setting('archive_mode') as archive_mode,
    (select count(*) from pg_stat_replication) as replicas,
    (select count(*) from pg_replication_slots) as slots;
