-- Purpose:    give out no number of the journal or of a plan that object storage knows already.
-- Parameters: journal (bigint), generation (bigint)
-- Repeatable: yes; numbers only grow.
-- Returns:    journal, generation (the last ones given out)
select
    setval(
        pg_get_serial_sequence('ops.journal', 'id'),
        greatest(%(journal)s, (select coalesce(max(id), 0) from ops.journal), 1)
    ) as journal,
    setval('ops.generation', greatest(%(generation)s, (select coalesce(max(generation), 0) from ops.batch), 1))
        as generation;
