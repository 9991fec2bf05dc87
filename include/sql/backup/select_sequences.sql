-- Purpose:    say how far the sequences have come: no number may be given out again after a restore.
-- Grain:      one row a sequence.
-- Parameters: none
-- Repeatable: yes; reads only. A sequence does not keep to a transaction's snapshot.
-- Returns:    name, last (the last number given out; null: none yet), increment
select
    format('%I.%I', sequence.schemaname, sequence.sequencename) as name,
    sequence.last_value as last,
    sequence.increment_by as increment
from pg_sequences as sequence
where sequence.schemaname !~ '^pg_'
order by sequence.schemaname, sequence.sequencename;
