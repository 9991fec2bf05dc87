-- Purpose:    mark a date's unfinished batches that a newer plan has replaced.
-- Writes:     ops.batch
-- Parameters: day (date), batch_id (text)
-- Repeatable: yes.
update ops.batch
set state = 'superseded'
where partition_date = %(day)s and kind = 'refresh' and batch_id <> %(batch_id)s and state in ('planned', 'loaded');
