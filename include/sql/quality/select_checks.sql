-- Purpose:    what was found of each promise on a batch's slices.
-- Reads:      quality.check_result
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, level, passed, found, releasable
select
    known.store, known.src_lang, known.tgt_lang, known.name, known.level, known.passed, known.found, known.releasable
from quality.check_result as known
where known.batch_id = %(batch_id)s
order by known.store, known.src_lang, known.tgt_lang, known.name;
