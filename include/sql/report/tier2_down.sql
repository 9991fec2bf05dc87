-- Purpose:    the document pairs of a batch that tier 2 should have aligned while it was down.
-- Reads:      ops.document
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    state ('deferred': left for the next run; else published from tier 1), reason, documents, names (up to 5)
select
    document.state,
    document.reason,
    count(*) as documents,
    (array_agg(distinct document.name order by document.name))[1:5] as names
from ops.document as document
where
    document.partition_date = %(day)s
    and document.batch_id = %(batch_id)s
    and (document.state = 'deferred' or document.state = 'aligned' and document.reason <> '')
group by document.state, document.reason
order by document.state, document.reason;
