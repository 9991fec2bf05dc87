-- Purpose:    keep refused texts out of a merge. A unit is its texts, so that with one row all rows of it go, and the
--             ranks of the others stay true.
-- Reads:      refused
-- Writes:     incoming (temporary)
-- Parameters: none
-- Repeatable: yes.
delete from incoming
using refused
where
    incoming.store_id = refused.store_id
    and incoming.document_key = refused.document_key
    and incoming.position = refused.position;
