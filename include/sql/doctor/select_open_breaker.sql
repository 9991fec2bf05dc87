-- Purpose:    a circuit breaker that is not closed.
-- Grain:      one row per breaker.
-- Reads:      ops.breaker
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    name, state, reason, first_failed_at
select name, state, reason, first_failed_at
from ops.breaker
where state <> 'closed';
