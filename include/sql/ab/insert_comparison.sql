-- Purpose:    record what a comparison measured, and begin its verdicts.
-- Grain:      one row of review.comparison, and its batch.
-- Writes:     ops.batch, review.comparison
-- Parameters: batch_id (text), day (date), run_id (text), store (text), src_lang (text), tgt_lang (text), variants (jsonb), facts (jsonb)
-- Repeatable: yes; a comparison that is there stays as it is.
with begun as (
    insert into ops.batch (batch_id, partition_date, state, run_id, versions, kind, done_at)
    values (%(batch_id)s, %(day)s, 'done', %(run_id)s, %(variants)s, 'comparison', now())
    on conflict (batch_id) do nothing
)

insert into review.comparison (batch_id, store, src_lang, tgt_lang, variants, facts)
values (%(batch_id)s, %(store)s, %(src_lang)s, %(tgt_lang)s, %(variants)s, %(facts)s)
on conflict (batch_id) do nothing;
