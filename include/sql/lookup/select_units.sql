-- Purpose:    the units of some source texts that can win: of those with the same target and the same standing the
--             better, the later one. Steps from target to target by the index unit_rank, so that a text which
--             thousands of units say costs no more than one that is there once.
-- Grain:      one row a source text, target text and standing (reviewed or not, imported or not), the best of a text.
-- Reads:      tm.unit, tm.extra
-- Parameters: store_id (integer), src (text), tgt (text), hashes (bytea[]), steps (integer), most (integer)
--             steps and most are limits a source text: of rows read, in the order of standings, and of rows returned
-- Repeatable: yes; reads only.
-- Returns:    the unit's columns, and tgt_said: the target as its file wrote it, null where that is the unit's
with recursive wanted as materialized (
    select distinct src_hash from unnest(%(hashes)s::bytea[]) as given (src_hash)
),

step as (
    select best.*, 1 as number
    from wanted
    cross join lateral (
        select
            unit.src_hash, unit.tgt_hash, unit.unit_key, unit.score, unit.partition_date,
            unit.review_state = 'unreviewed' as is_unreviewed,
            unit.tier <> 'imported' as is_aligned
        from tm.unit as unit
        where
            unit.store_id = %(store_id)s
            and unit.src_lang = %(src)s
            and unit.tgt_lang = %(tgt)s
            and unit.src_hash = wanted.src_hash
        order by
            unit.review_state = 'unreviewed', unit.tier <> 'imported', unit.tgt_hash, unit.score desc,
            unit.partition_date desc, unit.unit_key
        limit 1
    ) as best
    union all
    select best.*, step.number + 1
    from step
    cross join lateral (
        select
            unit.src_hash, unit.tgt_hash, unit.unit_key, unit.score, unit.partition_date,
            unit.review_state = 'unreviewed' as is_unreviewed,
            unit.tier <> 'imported' as is_aligned
        from tm.unit as unit
        where
            unit.store_id = %(store_id)s
            and unit.src_lang = %(src)s
            and unit.tgt_lang = %(tgt)s
            and unit.src_hash = step.src_hash
            and (unit.review_state = 'unreviewed', unit.tier <> 'imported', unit.tgt_hash)
            > (step.is_unreviewed, step.is_aligned, step.tgt_hash)
        order by
            unit.review_state = 'unreviewed', unit.tier <> 'imported', unit.tgt_hash, unit.score desc,
            unit.partition_date desc, unit.unit_key
        limit 1
    ) as best
    where step.number < %(steps)s
),

ranked as (
    select
        step.unit_key,
        row_number() over (
            partition by step.src_hash
            order by step.is_unreviewed, step.is_aligned, step.score desc, step.partition_date desc, step.unit_key
        ) as place
    from step
)

select
    unit.unit_key, unit.src_text, unit.tgt_text, unit.src_hash, unit.context, unit.prev_hash, unit.next_hash,
    unit.item_key, unit.document_key, unit.tier, unit.score, unit.partition_date, unit.batch_id, unit.review_state,
    extra.facts -> 'tgt' ->> 'text' as tgt_said
from tm.unit as unit
left join tm.extra as extra
    on
        extra.store_id = unit.store_id
        and extra.document_key = unit.document_key
        and extra.unit_key = unit.unit_key
where
    unit.store_id = %(store_id)s
    and unit.unit_key = any(array(select ranked.unit_key from ranked where ranked.place <= %(most)s));
