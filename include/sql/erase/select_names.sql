-- Purpose:    the names of the documents that say what is erased: their deposits hold it too.
-- Reads:      struck, ops.document
-- Parameters: store (text)
-- Repeatable: yes; reads only.
-- Returns:    name
select distinct document.name
from ops.document as document
where document.store = %(store)s and document.document_key in (select struck.document_key from struck)
order by document.name;
