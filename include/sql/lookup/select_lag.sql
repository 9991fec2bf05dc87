-- Purpose:    how far this server's data is behind its primary's, as far as it knows itself.
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    is_replica, is_connected, lag_seconds (0 on a primary, and where all that was received is applied)
select
    pg_is_in_recovery() as is_replica,
    exists (select from pg_stat_wal_receiver) as is_connected,
    case
        when not pg_is_in_recovery() or pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
        else coalesce(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 'infinity')
    end::double precision as lag_seconds;
