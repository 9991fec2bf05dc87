-- Purpose:    the entries that object storage does not hold yet, locked against a second shipper.
-- Reads:      ops.journal
-- Parameters: most (integer)
-- Repeatable: yes.
-- Returns:    id, at, kind, who, store, facts, uri
select id, at, kind, who, store, facts, uri
from ops.journal
where shipped_at is null
order by id
limit %(most)s
for update skip locked;
