-- Purpose:    how many document pairs each slice has, and how they fared.
-- Grain:      one row a slice and metric; a share of nothing has no row.
-- Reads:      ops.slice, ops.document
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             documents                all document pairs
--             documents_failed         pairs that could not be aligned
--             documents_failed_share   the same, of all
--             documents_unfinished     pairs that are neither done nor failed
--             documents_from_ledger    pairs whose beads were made by an earlier batch
with counted as (
    select
        document.store,
        document.src_lang,
        document.tgt_lang,
        count(*) as documents,
        count(*) filter (where document.state = 'failed') as failed,
        count(*) filter (where document.state = 'ledger') as from_ledger,
        count(*) filter (where document.state not in ('aligned', 'ledger', 'imported', 'failed')) as unfinished
    from ops.document as document
    where document.partition_date = %(day)s and document.batch_id = %(batch_id)s
    group by document.store, document.src_lang, document.tgt_lang
)

select slice.store, slice.src_lang, slice.tgt_lang, metric.name, metric.value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
cross join lateral (
    values
        ('documents', coalesce(counted.documents, 0)::double precision),
        ('documents_failed', coalesce(counted.failed, 0)),
        ('documents_failed_share', counted.failed::double precision / counted.documents),
        ('documents_unfinished', coalesce(counted.unfinished, 0)),
        ('documents_from_ledger', coalesce(counted.from_ledger, 0))
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null;
