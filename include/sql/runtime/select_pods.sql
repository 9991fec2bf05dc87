-- Purpose:    all pods that a shard has had in a run.
-- Grain:      one row per pod, oldest first.
-- Reads:      ops.pod
-- Parameters: batch_id (text), run_id (text), tier (text), shard (integer)
-- Repeatable: yes; it only reads.
select try_number, token, mode, document, on_demand, memory_factor, cause, suspect
from ops.pod
where batch_id = %(batch_id)s and run_id = %(run_id)s and tier = %(tier)s and shard = %(shard)s
order by pod_id;
