-- Purpose:    what there is to back up: since when, and how much.
-- Grain:      one row.
-- Reads:      ops.batch, tm.unit
-- Parameters: none
-- Repeatable: yes; reads only. Counts every unit: 0.1 s a million.
-- Returns:    began (when the first batch was planned that has been loaded; null: none yet; 1970 where its
--             record is archived), units
select
    coalesce(
        (select min(batch.planned_at) from ops.batch as batch where batch.state in ('loaded', 'done')),
        (select to_timestamp(0) where exists(select from tm.unit))
    ) as began,
    (select count(*) from tm.unit) as units;
