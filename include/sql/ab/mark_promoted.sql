-- Purpose:    record that b was promoted, by whom, and what was pinned before.
-- Writes:     review.comparison
-- Parameters: batch_id (text), who (text), before (jsonb)
-- Repeatable: yes.
update review.comparison
set promoted_at = now(), promoted_by = %(who)s, before = %(before)s, undone_at = null, undone_by = ''
where batch_id = %(batch_id)s;
