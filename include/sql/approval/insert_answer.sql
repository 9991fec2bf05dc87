-- Purpose:    record an answer to a DAG's question before Airflow takes it.
-- Writes:     ops.approval
-- Parameters: dag_id (text), run_id (text), task_id (text), map_index (integer), who_id (text), who_name (text), asked_by (text, empty: no person), options (text[])
-- Repeatable: no; one row an answer.
insert into ops.approval (dag_id, run_id, task_id, map_index, who_id, who_name, asked_by, options)
values (
    %(dag_id)s, %(run_id)s, %(task_id)s, %(map_index)s, %(who_id)s, %(who_name)s, %(asked_by)s, %(options)s::text[]
);
