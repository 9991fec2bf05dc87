-- Purpose:    find a store's number.
-- Reads:      tm.store
-- Parameters: store (text)
-- Repeatable: yes; reads only.
-- Returns:    store_id
select store_id from tm.store where name = %(store)s;
