-- Purpose:    note a pod before it is asked for.
-- Grain:      one row of ops.pod per token.
-- Writes:     ops.pod
-- Parameters: batch_id (text), run_id (text), tier (text), shard (integer), try_number (integer), token (text), mode (text), document (text), on_demand (boolean), memory_factor (double precision)
-- Repeatable: no: a token is used once.
insert into ops.pod (batch_id, run_id, tier, shard, try_number, token, mode, document, on_demand, memory_factor)
values (
    %(batch_id)s, %(run_id)s, %(tier)s, %(shard)s, %(try_number)s, %(token)s, %(mode)s, %(document)s, %(on_demand)s,
    %(memory_factor)s
);
