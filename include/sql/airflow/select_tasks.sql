-- Purpose:    Airflow's history of tasks, for a backup: the last try of each.
-- Grain:      one row a task of a run.
-- Reads:      task_instance
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    dag_id, run_id, task_id, map_index, state, try_number, start_date, end_date, duration
select
    task.dag_id, task.run_id, task.task_id, task.map_index, task.state, task.try_number, task.start_date, task.end_date,
    task.duration
from task_instance as task
order by task.dag_id, task.run_id, task.task_id, task.map_index;
