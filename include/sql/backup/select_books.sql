-- Purpose:    say how far the books about the memory have come: a backup is only repeated when this has moved.
-- Grain:      one row. What a backup itself writes (ops.backup, ops.step, the batch's state) has no part in it.
-- Reads:      ops.migration, ops.batch, ops.slice, ops.journal, quality.decision, review.item
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    schema, generation, settled, journal, decided, sampled, reviewed
select
    (select coalesce(max(number), 0) from ops.migration) as schema,
    (select coalesce(max(generation), 0) from ops.batch) as generation,
    (select count(*) from ops.slice where settled_at is not null) as settled,
    (select coalesce(max(id), 0) from ops.journal) as journal,
    (select count(*) from quality.decision) as decided,
    (select count(*) from review.item) as sampled,
    (select count(*) from review.item where state = 'done') as reviewed;
