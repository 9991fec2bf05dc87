-- Purpose:    the names of all stores, for the message that one does not exist.
-- Reads:      tm.store
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    name
select store.name from tm.store as store order by store.name;
