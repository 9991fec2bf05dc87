-- Purpose:    make the partitions of a date's month.
-- Parameters: day (date)
-- Repeatable: yes, also by several at once.
select ops.ensure_month(%(day)s);
