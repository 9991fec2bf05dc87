-- Purpose:    what has been measured of a batch's slices.
-- Reads:      quality.metric
-- Parameters: batch_id (text)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
select metric.store, metric.src_lang, metric.tgt_lang, metric.name, metric.value
from quality.metric as metric
where metric.batch_id = %(batch_id)s
order by metric.store, metric.src_lang, metric.tgt_lang, metric.name;
