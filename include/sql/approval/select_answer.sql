-- Purpose:    find the newest answer to a DAG's question that the API server let through.
-- Reads:      ops.approval
-- Parameters: dag_id (text), run_id (text), task_id (text), map_index (integer)
-- Repeatable: yes; reads only.
-- Returns:    who_id, who_name, options; no row where there is none
select answer.who_id, answer.who_name, answer.options
from ops.approval as answer
where
    answer.dag_id = %(dag_id)s
    and answer.run_id = %(run_id)s
    and answer.task_id = %(task_id)s
    and answer.map_index = %(map_index)s
order by answer.approval_id desc
limit 1;
