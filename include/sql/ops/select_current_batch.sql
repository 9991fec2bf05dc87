-- Purpose:    find the batch that stands for a partition date: the one planned last.
-- Reads:      ops.batch
-- Parameters: day (date)
-- Repeatable: yes; reads only.
-- Returns:    no row, or batch_id, generation, state
select batch_id, generation, state
from ops.batch
where partition_date = %(day)s and kind = 'refresh'
order by generation desc
limit 1;
