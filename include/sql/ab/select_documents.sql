-- Purpose:    the documents of a store and pair that were aligned, each in the batch that aligned it last.
-- Grain:      one row a document.
-- Reads:      ops.document, ops.batch
-- Parameters: store (text), src_lang (text), tgt_lang (text), since (date)
-- Repeatable: yes; reads only.
-- Returns:    document_key (hexadecimal), batch_id, segments (on both sides)
select distinct on (document.document_key)
    encode(document.document_key, 'hex') as document_key, document.batch_id,
    document.src_segments + document.tgt_segments as segments
from ops.document as document
join ops.batch as batch using (batch_id)
where
    document.partition_date >= %(since)s
    and document.store = %(store)s
    and document.src_lang = %(src_lang)s
    and document.tgt_lang = %(tgt_lang)s
    and document.state = 'aligned'
    and batch.kind = 'refresh'
    and batch.state in ('loaded', 'done')
order by document.document_key, batch.partition_date desc, batch.generation desc;
