-- Purpose:    have a row for a tier's circuit breaker: closed, if it is new.
-- Grain:      one row of ops.breaker per name.
-- Writes:     ops.breaker
-- Parameters: name (text)
-- Repeatable: yes; one that is there stays as it is.
insert into ops.breaker (name, state, failures) values (%(name)s, 'closed', 0)
on conflict (name) do nothing;
