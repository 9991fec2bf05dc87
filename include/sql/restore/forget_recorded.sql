-- Purpose:    remove what a replay has recorded a second time.
-- Writes:     ops.journal
-- Parameters: after (bigint)
-- Repeatable: yes.
delete from ops.journal where id > %(after)s;
