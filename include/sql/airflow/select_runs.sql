-- Purpose:    Airflow's history of runs, for a backup.
-- Grain:      one row a run.
-- Reads:      dag_run
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    dag_id, run_id, run_type, state, logical_date, partition_key, queued_at, start_date, end_date
select
    dag_run.dag_id, dag_run.run_id, dag_run.run_type, dag_run.state, dag_run.logical_date, dag_run.partition_key,
    dag_run.queued_at, dag_run.start_date, dag_run.end_date
from dag_run
order by dag_run.dag_id, dag_run.run_id;
