-- Purpose:    record that a promotion was taken back, and by whom.
-- Writes:     review.comparison
-- Parameters: batch_id (text), who (text)
-- Repeatable: yes.
update review.comparison set undone_at = now(), undone_by = %(who)s where batch_id = %(batch_id)s;
