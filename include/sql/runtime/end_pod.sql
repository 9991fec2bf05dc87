-- Purpose:    note how a pod ended.
-- Grain:      one row of ops.pod per token.
-- Writes:     ops.pod
-- Parameters: token (text), cause (text), suspect (text), message (text), pod_name (text), node (text)
-- Repeatable: yes; the last report counts.
update ops.pod
set cause = %(cause)s, suspect = %(suspect)s, message = %(message)s, pod_name = %(pod_name)s, node = %(node)s,
    ended_at = now()
where token = %(token)s;
