-- Purpose:    the stores whose memory has verdicts to take in.
-- Reads:      review.unsettled
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    store
select distinct store from review.unsettled order by store;
