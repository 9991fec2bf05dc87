-- Purpose:    record that a step of a batch has finished, and what it says of itself.
-- Grain:      one row of ops.step per (batch_id, step).
-- Writes:     ops.step
-- Parameters: batch_id (text), step (text), seconds (double precision), facts (jsonb)
-- Repeatable: yes; the last finish counts.
insert into ops.step (batch_id, step, seconds, facts)
values (%(batch_id)s, %(step)s, %(seconds)s, %(facts)s)
on conflict (batch_id, step) do update
    set seconds = excluded.seconds, facts = excluded.facts, finished_at = now();
