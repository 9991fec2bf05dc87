-- Purpose:    the names of Airflow's connections, for a backup: what they hold is for a secret store to keep.
-- Grain:      one row a connection.
-- Reads:      connection
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    conn_id, conn_type
select connection.conn_id, connection.conn_type
from connection
order by connection.conn_id;
