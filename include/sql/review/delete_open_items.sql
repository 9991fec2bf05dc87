-- Purpose:    remove a batch's sample that nobody has judged yet, before it is drawn again.
-- Writes:     review.item
-- Parameters: batch_id (text)
-- Repeatable: yes.
delete from review.item where batch_id = %(batch_id)s and state = 'open';
