-- Purpose:    the latest versions of the document pairs that a name means, in any batch.
-- Reads:      ops.document, ops.batch
-- Parameters: name (text)
-- Repeatable: yes; reads only.
-- Returns:    the rows of ops.document, newest first
select
    document.partition_date, document.batch_id, batch.state as batch_state,
    encode(document.document_key, 'hex') as document_key,
    document.store, document.name, document.src_lang, document.tgt_lang, document.kind, document.state, document.reason,
    document.ledger_key, document.tier, document.route, document.confidence, document.src_segments,
    document.tgt_segments, document.beads, document.src_lang_id, document.tgt_lang_id, document.notes,
    document.cpu_seconds
from ops.document as document
join ops.batch as batch using (batch_id)
where document.name = %(name)s or document.store || '/' || document.name = %(name)s
order by document.partition_date desc, batch.generation desc, document.store, document.src_lang, document.tgt_lang;
