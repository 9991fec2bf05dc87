-- Purpose:    every tag that a batch's slices have beside every language code that was identified in its texts.
-- Reads:      staging.bead, ops.document
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes; reads only.
-- Returns:    tag, code
with seen as (
    select bead.src_lang, bead.tgt_lang, bead.src_lang_id, bead.tgt_lang_id
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    union
    select document.src_lang, document.tgt_lang, document.src_lang_id, document.tgt_lang_id
    from ops.document as document
    where document.partition_date = %(day)s and document.batch_id = %(batch_id)s
)

select distinct tags.tag, codes.code
from seen
cross join lateral (values (seen.src_lang), (seen.tgt_lang)) as tags (tag)
cross join lateral (values (seen.src_lang_id), (seen.tgt_lang_id)) as codes (code)
where codes.code not in ('', 'und')
order by tags.tag, codes.code;
