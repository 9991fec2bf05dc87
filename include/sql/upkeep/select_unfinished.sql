-- Purpose:    find the months whose books somebody still works with: batches under way, and slices that wait for a person.
-- Grain:      one row a month.
-- Reads:      ops.batch, ops.slice
-- Parameters: before (date)
-- Repeatable: yes; reads only.
-- Returns:    month, batches (how many), example (a batch_id)
select
    date_trunc('month', batch.partition_date)::date as month,
    count(*) as batches,
    min(batch.batch_id) as example
from ops.batch as batch
where
    batch.partition_date < %(before)s
    and (
        batch.state in ('planned', 'loaded')
        or (
            batch.state = 'done'
            and exists (select from ops.slice as slice where slice.batch_id = batch.batch_id and slice.verdict = 'hold')
        )
    )
group by 1;
