-- Purpose:    name this transaction's snapshot, so that pg_dump reads exactly what is counted here.
-- Parameters: none
-- Repeatable: yes; the name is good until the transaction ends.
-- Returns:    name, taken_at (UTC)
select pg_export_snapshot() as name, transaction_timestamp() as taken_at;
