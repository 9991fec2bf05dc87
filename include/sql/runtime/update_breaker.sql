-- Purpose:    keep a tier's circuit breaker as it is now.
-- Grain:      one row of ops.breaker per name.
-- Writes:     ops.breaker
-- Parameters: name (text), state (text), failures (integer), first_failed_at (timestamptz), changed_at (timestamptz), probe (text), reason (text)
-- Repeatable: yes.
update ops.breaker
set state = %(state)s, failures = %(failures)s, first_failed_at = %(first_failed_at)s, changed_at = %(changed_at)s,
    probe = %(probe)s, reason = %(reason)s
where name = %(name)s;
