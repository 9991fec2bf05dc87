-- Purpose:    the document pairs of a name that a store knows: in the memory, among older versions, or in the books.
-- Reads:      tm.document, tm.withdrawn_document, ops.document
-- Parameters: store (text), store_id (integer), name (text)
-- Repeatable: yes; reads only.
-- Returns:    src_lang, tgt_lang
select held.src_lang, held.tgt_lang
from tm.document as held
where held.store_id = %(store_id)s and held.name = %(name)s
union
select withdrawn.src_lang, withdrawn.tgt_lang
from tm.withdrawn_document as withdrawn
where withdrawn.store_id = %(store_id)s and withdrawn.name = %(name)s
union
select document.src_lang, document.tgt_lang
from ops.document as document
where document.store = %(store)s and document.name = %(name)s;
