-- Purpose:    Airflow's variables, for a backup; in Airflow's own database.
-- Grain:      one row a variable.
-- Reads:      variable
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    key, value (as Airflow keeps it), is_encrypted (with Airflow's Fernet key), description
select variable.key, variable.val as value, variable.is_encrypted, coalesce(variable.description, '') as description
from variable
order by variable.key;
