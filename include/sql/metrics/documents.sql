-- Purpose:    how many document pairs each slice has, and how they fared.
-- Grain:      one row a slice and metric; a share of nothing has no row.
-- Reads:      ops.slice, ops.document
-- Parameters: batch_id (text), day (date), same (text[], 'tag code' pairs that are one language), pivot (text[], codes of the language that untranslated text is in)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             documents                all document pairs
--             documents_failed         pairs that could not be aligned
--             documents_failed_share   the same, of all
--             documents_unfinished     pairs that are neither done nor failed nor left for the next run
--             documents_from_ledger    pairs whose beads were made by an earlier batch
--             beads_reported           the beads of all pairs, as their aligners reported them
--             foreign_documents_share  of these, the ones in pairs with a side in neither of the slice's languages nor
--                                      in the pivot. Asked of whole documents, because a bead's language is chosen among
--                                      these three
with counted as materialized (
    select
        document.store,
        document.src_lang,
        document.tgt_lang,
        count(*) as documents,
        count(*) filter (where document.state = 'failed') as failed,
        count(*) filter (where document.state = 'ledger') as from_ledger,
        count(*) filter (where document.state not in ('aligned', 'ledger', 'imported', 'failed', 'deferred')) as unfinished,
        sum(document.beads) as beads,
        sum(document.beads) filter (
            where
                document.src_lang_id <> all(%(pivot)s::text[] || '{"",und}')
                and document.src_lang || ' ' || document.src_lang_id <> all(%(same)s::text[])
                and document.tgt_lang || ' ' || document.src_lang_id <> all(%(same)s::text[])
                or document.tgt_lang_id <> all(%(pivot)s::text[] || '{"",und}')
                and document.src_lang || ' ' || document.tgt_lang_id <> all(%(same)s::text[])
                and document.tgt_lang || ' ' || document.tgt_lang_id <> all(%(same)s::text[])
        ) as foreign_beads
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
        ('documents_from_ledger', coalesce(counted.from_ledger, 0)),
        ('beads_reported', coalesce(counted.beads, 0)),
        ('foreign_documents_share', coalesce(counted.foreign_beads, 0)::double precision / nullif(counted.beads, 0))
) as metric (name, value)
where slice.batch_id = %(batch_id)s and metric.value is not null;
