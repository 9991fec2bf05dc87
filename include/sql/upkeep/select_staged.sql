-- Purpose:    find staged rows that nobody will read again: of batches that ended long ago, and of none that is known.
-- Grain:      one row a batch.
-- Reads:      staging.bead, ops.batch, ops.slice
-- Parameters: days (integer)
-- Repeatable: yes; reads only.
-- Returns:    batch_id, rows
select bead.batch_id, count(*) as rows
from staging.bead as bead
left join ops.batch as batch on batch.batch_id = bead.batch_id
where
    batch.batch_id is null
    or (
        batch.state in ('done', 'superseded', 'rolled_back')
        and batch.planned_at < now() - make_interval(days => %(days)s)
        and not exists (select from ops.slice as slice where slice.batch_id = batch.batch_id and slice.verdict = 'hold')
    )
group by bead.batch_id
order by bead.batch_id;
