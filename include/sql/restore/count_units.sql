-- Purpose:    how many units a memory holds, for the preview of a swap.
-- Grain:      one row.
-- Reads:      tm.unit
-- Parameters: none
-- Repeatable: yes; reads only. 0.1 s a million units.
-- Returns:    units
select count(*) as units from tm.unit;
