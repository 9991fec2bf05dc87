-- Purpose:    find which alignments have been done before.
-- Reads:      ops.ledger
-- Parameters: keys (text[])
-- Repeatable: yes; reads only.
-- Returns:    ledger_key, batch_id, folder, document_key (hexadecimal), route
select ledger_key, batch_id, folder, encode(document_key, 'hex') as document_key, route
from ops.ledger
where ledger_key = any(%(keys)s);
