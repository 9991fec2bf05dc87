-- Purpose:    what share of each slice the rules of the filter refused, date by date.
-- Grain:      one row a slice, rule and date.
-- Reads:      ops.batch, quality.metric
-- Parameters: store (text), src_lang (text), tgt_lang (text), since (date), until (date)
--             store and languages are null for all
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, day, rule, share
with latest as (
    select distinct on (batch.partition_date) batch.batch_id, batch.partition_date
    from ops.batch as batch
    where batch.kind = 'refresh' and batch.partition_date between %(since)s and %(until)s
    order by batch.partition_date, batch.generation desc
)

select
    metric.store, metric.src_lang, metric.tgt_lang, latest.partition_date as day,
    substr(metric.name, length('rejected_') + 1) as rule, metric.value as share
from latest
join quality.metric as metric using (batch_id)
where
    starts_with(metric.name, 'rejected_')
    and metric.name <> 'rejected_share'
    and (%(store)s::text is null or metric.store = %(store)s)
    and (%(src_lang)s::text is null or metric.src_lang = %(src_lang)s)
    and (%(tgt_lang)s::text is null or metric.tgt_lang = %(tgt_lang)s)
order by metric.store, metric.src_lang, metric.tgt_lang, rule, day;
