-- Purpose:    find old batches that a newer plan has replaced, and say of each why its work files must stay, if so.
-- Grain:      one row a batch.
-- Reads:      ops.batch, ops.ledger, ops.slice, tm.document
-- Parameters: days (integer)
-- Repeatable: yes; reads only.
-- Returns:    batch_id, needed ("" if its files may go)
select
    batch.batch_id,
    case
        when exists (
            select
            from ops.ledger as ledger
            where ledger.batch_id = batch.batch_id or starts_with(ledger.folder, 'work/' || batch.batch_id || '/')
        ) then 'the ledger refers to its alignments'
        when exists (
            select from ops.slice as slice where slice.batch_id = batch.batch_id and slice.verdict in ('hold', 'quarantine')
        ) then 'a slice of it waits for a person'
        when exists (select from tm.document as document where document.batch_id = batch.batch_id)
            then 'the memory holds documents of it'
        else ''
    end as needed
from ops.batch as batch
where batch.state = 'superseded' and batch.planned_at < now() - make_interval(days => %(days)s)
order by batch.batch_id;
