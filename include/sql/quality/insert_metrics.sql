-- Purpose:    record what was measured of a batch's slices; the arrays run in parallel.
-- Grain:      one row of quality.metric per (batch_id, store, src_lang, tgt_lang, name).
-- Writes:     quality.metric
-- Parameters: batch_id (text), stores (text[]), src_langs (text[]), tgt_langs (text[]), names (text[]), numbers (double precision[])
-- Repeatable: after delete_metrics, in its transaction.
insert into quality.metric (batch_id, store, src_lang, tgt_lang, name, value)
select %(batch_id)s, metric.store, metric.src_lang, metric.tgt_lang, metric.name, metric.value
from unnest(
    %(stores)s::text[], %(src_langs)s::text[], %(tgt_langs)s::text[], %(names)s::text[], %(numbers)s::double precision[]
) as metric (store, src_lang, tgt_lang, name, value);
