-- Purpose:    count the units that a roll-back brings back without a text: there are none unless rows were lost.
-- Reads:      incoming
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    units
select count(*) as units from incoming where incoming.src_text is null;
