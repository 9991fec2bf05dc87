-- Purpose:    find beads and documents of a batch that lie in no slice which the filter promised.
-- Reads:      ops.slice, ops.document, staging.bead
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang
with here as (
    select bead.store, bead.src_lang, bead.tgt_lang
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    union
    select document.store, document.src_lang, document.tgt_lang
    from ops.document as document
    where document.partition_date = %(day)s and document.batch_id = %(batch_id)s
)

select here.store, here.src_lang, here.tgt_lang
from here
where not exists (
    select
    from ops.slice as slice
    where
        slice.batch_id = %(batch_id)s
        and slice.store = here.store and slice.src_lang = here.src_lang and slice.tgt_lang = here.tgt_lang
)
order by here.store, here.src_lang, here.tgt_lang;
