-- Purpose:    read a tier's circuit breaker and keep others from changing it until the transaction ends.
-- Reads:      ops.breaker
-- Parameters: name (text)
-- Repeatable: yes; it only reads.
-- Returns:    state, failures, first_failed_at, changed_at, probe, reason, now (the server's clock: the tasks' may differ)
select state, failures, first_failed_at, changed_at, probe, reason, clock_timestamp() as now
from ops.breaker
where name = %(name)s
for update;
