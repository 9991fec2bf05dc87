-- Purpose:    how far a slice is from what is usual for its store and pair: each share against the same share of the
--             latest accepted slices of earlier partition dates, in robust deviations.
-- Grain:      one row a slice and metric; none where the evidence is too small to say.
-- Reads:      ops.slice, ops.batch, quality.metric, quality.decision, staging.bead
-- Parameters: batch_id (text), day (date), rules (text[]), history_dates (integer, earlier dates that are looked at), least_dates (integer, earlier dates needed), least_documents (integer, document pairs needed), least_beads (integer, beads needed, of an earlier date too)
-- Repeatable: yes; reads only. Sums are exact (numeric), so that the order of rows changes no digit.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             history_dates        earlier dates that count; in every slice
--             usual_<share>        the median of the earlier dates
--             change_<share>       by how much today differs, as a share of the usual; a usual share under .01 counts as
--                                  .01, so that a rule that hardly ever speaks is no alarm when it does
--             surprise_<share>     the difference, in deviations of what chance and the spread of the dates explain; of a
--                                  rule that fell silent at least what chance alone would explain
--             score_shift          largest distance of the scores' cumulative shares from the usual ones, 0 to 1
--             surprise_score_shift the same in deviations
--             The shares are rejected_<rule> and duplicate_share.
--
-- Compared is with the median, or with the last slice that a person approved if that is nearer: what was approved is usual
-- from then on. A deviation is the largest of three: that of the dates (median absolute deviation times 1.4826), that of
-- today's documents (a ratio estimator with documents as clusters, so that one odd document never is a surprise), and
-- the binomial one of the usual share, for small slices.
with by_rule as (
    select bead.store, bead.src_lang, bead.tgt_lang, bead.document_key, bead.rule, count(*) as beads
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s
    group by bead.store, bead.src_lang, bead.tgt_lang, bead.document_key, bead.rule
),

passed as (
    select
        bead.store,
        bead.src_lang,
        bead.tgt_lang,
        bead.document_key,
        row_number() over (
            partition by bead.store, bead.src_lang, bead.tgt_lang, bead.unit_key
            order by bead.document_key, bead.position
        ) as nth
    from staging.bead as bead
    where bead.batch_id = %(batch_id)s and bead.rule = ''
),

-- What each document adds to each share: so many hits of so many beads.
added as (
    select
        by_rule.store, by_rule.src_lang, by_rule.tgt_lang, 'rejected_' || known.rule as name,
        coalesce(sum(by_rule.beads) filter (where by_rule.rule = known.rule), 0) as hits, sum(by_rule.beads) as beads
    from by_rule
    cross join unnest(%(rules)s::text[]) as known (rule)
    group by by_rule.store, by_rule.src_lang, by_rule.tgt_lang, by_rule.document_key, known.rule
    union all
    select passed.store, passed.src_lang, passed.tgt_lang, 'duplicate_share', count(*) filter (where passed.nth > 1), count(*)
    from passed
    group by passed.store, passed.src_lang, passed.tgt_lang, passed.document_key
    union all
    select
        bead.store, bead.src_lang, bead.tgt_lang, 'score_below_' || step.hundredths,
        count(*) filter (where bead.score < (step.hundredths / 100.0)::real), count(*)
    from staging.bead as bead
    cross join generate_series(10, 90, 10) as step (hundredths)
    where bead.batch_id = %(batch_id)s and bead.tier <> 'imported' and least(bead.src_count, bead.tgt_count) > 0
    group by bead.store, bead.src_lang, bead.tgt_lang, bead.document_key, step.hundredths
),

-- The variance is the sum of (hits - share * beads)^2 over the documents, multiplied out: no document is read twice.
today as materialized (
    select
        added.store, added.src_lang, added.tgt_lang, added.name,
        (sum(added.hits) / sum(added.beads))::double precision as share,
        sum(added.beads)::double precision as beads,
        (
            (
                sum(added.hits ^ 2) - 2 * sum(added.hits) / sum(added.beads) * sum(added.hits * added.beads)
                + (sum(added.hits) / sum(added.beads)) ^ 2 * sum(added.beads ^ 2)
            ) / sum(added.beads) ^ 2 * count(*) / greatest(count(*) - 1, 1)
        )::double precision as variance
    from added
    group by added.store, added.src_lang, added.tgt_lang, added.name
    having sum(added.beads) >= %(least_beads)s and count(*) >= %(least_documents)s
),

-- The batch that stands for each earlier date.
standing as materialized (
    select distinct on (batch.partition_date) batch.partition_date, batch.batch_id
    from ops.batch as batch
    where batch.kind = 'refresh' and batch.partition_date < %(day)s
    order by batch.partition_date, batch.generation desc
),

past as materialized (
    select
        slice.store, slice.src_lang, slice.tgt_lang, slice.batch_id, standing.partition_date,
        coalesce(decision.decided_by <> 'gate', false) as is_approved,
        row_number() over (
            partition by slice.store, slice.src_lang, slice.tgt_lang order by standing.partition_date desc
        ) as age
    from ops.slice as here
    join ops.slice as slice
        on (slice.store, slice.src_lang, slice.tgt_lang) = (here.store, here.src_lang, here.tgt_lang)
    join standing on standing.batch_id = slice.batch_id
    join quality.metric as size
        on
            (size.batch_id, size.store, size.src_lang, size.tgt_lang)
            = (slice.batch_id, slice.store, slice.src_lang, slice.tgt_lang)
            and size.name = 'beads' and size.value >= %(least_beads)s
    left join quality.decision as decision
        on
            (decision.batch_id, decision.store, decision.src_lang, decision.tgt_lang)
            = (slice.batch_id, slice.store, slice.src_lang, slice.tgt_lang)
    where here.batch_id = %(batch_id)s and slice.verdict = 'accept' and slice.settled_at is not null
),

known as (
    select past.store, past.src_lang, past.tgt_lang, past.partition_date, past.is_approved, metric.name, metric.value
    from past
    join quality.metric as metric using (batch_id, store, src_lang, tgt_lang)
    where
        past.age <= %(history_dates)s
        and (metric.name like 'rejected\_%%' or metric.name like 'score\_below\_%%' or metric.name = 'duplicate_share')
),

usual as materialized (
    select
        known.store, known.src_lang, known.tgt_lang, known.name,
        percentile_cont(0.5) within group (order by known.value) as median,
        array_agg(known.value) as found,
        min(known.value) as least,
        (array_agg(known.value order by known.partition_date desc) filter (where known.is_approved))[1] as approved
    from known
    group by known.store, known.src_lang, known.tgt_lang, known.name
    having count(*) >= %(least_dates)s
),

compared as (
    select
        store, src_lang, tgt_lang, name, today.share, today.variance, today.beads, usual.least,
        case
            when abs(today.share - usual.approved) < abs(today.share - usual.median) then usual.approved
            else usual.median
        end as usual,
        (
            select 1.4826 * percentile_cont(0.5) within group (order by abs(one.value - usual.median))
            from unnest(usual.found) as one (value)
        ) as deviation
    from today
    join usual using (store, src_lang, tgt_lang, name)
),

judged as materialized (
    select
        store, src_lang, tgt_lang, name, compared.usual, compared.share - compared.usual as difference,
        greatest(
            coalesce(
                abs(compared.share - compared.usual) / nullif(
                    greatest(
                        compared.deviation,
                        sqrt(greatest(compared.variance, 0)),
                        sqrt(compared.usual * (1 - compared.usual) / compared.beads)
                    ),
                    0
                ),
                case when compared.share = compared.usual then 0 else 999 end
            ),
            -- A share that was never nothing, and is: how far from nothing so many beads should be.
            case when compared.share = 0 and compared.least > 0 then sqrt(compared.usual * compared.beads) end
        ) as surprise
    from compared
),

shifted as (
    select distinct on (store, src_lang, tgt_lang) store, src_lang, tgt_lang, abs(judged.difference) as shift, judged.surprise
    from judged
    where judged.name like 'score\_below\_%%'
    order by store, src_lang, tgt_lang, abs(judged.difference) desc, judged.name
)

select slice.store, slice.src_lang, slice.tgt_lang, 'history_dates' as name, count(past.age)::double precision as value
from ops.slice as slice
left join past
    on
        (past.store, past.src_lang, past.tgt_lang) = (slice.store, slice.src_lang, slice.tgt_lang)
        and past.age <= %(history_dates)s
where slice.batch_id = %(batch_id)s
group by slice.store, slice.src_lang, slice.tgt_lang
union all
select judged.store, judged.src_lang, judged.tgt_lang, figure.name || judged.name, figure.value
from judged
cross join lateral (
    values
        ('usual_', judged.usual),
        ('change_', judged.difference / greatest(judged.usual, 0.01)),
        ('surprise_', judged.surprise)
) as figure (name, value)
where judged.name not like 'score\_below\_%%'
union all
select shifted.store, shifted.src_lang, shifted.tgt_lang, figure.name, figure.value
from shifted
cross join lateral (values ('score_shift', shifted.shift), ('surprise_score_shift', shifted.surprise)) as figure (name, value);
