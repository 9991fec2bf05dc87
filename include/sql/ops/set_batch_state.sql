-- Purpose:    say how far a batch has come.
-- Writes:     ops.batch
-- Parameters: batch_id (text), state (text)
-- Repeatable: yes; a second call changes no row.
update ops.batch
set state = %(state)s, done_at = case when %(state)s = 'done' then now() end
where batch_id = %(batch_id)s and state <> %(state)s;
