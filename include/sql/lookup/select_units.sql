-- Purpose:    the units of some source texts that can win: of those with the same target and the same standing the one
--             in the wanted context, then the better, the later one.
-- Grain:      one row a source text, target text and standing (reviewed or not, imported or not), the best of a text.
-- Reads:      tm.unit
-- Parameters: store_id (integer), src (text), tgt (text), hashes (bytea[]), context (bytea), previous (bytea), following (bytea), most (integer)
--             context, previous and following are null where unknown; most is a limit a source text
-- Repeatable: yes; reads only.
-- Returns:    the unit's columns
with distinct_units as (
    select distinct on (
        unit.src_hash, unit.tgt_hash, unit.review_state = 'unreviewed', unit.tier <> 'imported'
    )
        unit.unit_key, unit.src_text, unit.tgt_text, unit.src_hash, unit.context, unit.prev_hash, unit.next_hash,
        unit.item_key, unit.document_key, unit.tier, unit.score, unit.partition_date, unit.batch_id, unit.review_state,
        unit.context = %(context)s::bytea as is_there,
        coalesce(unit.prev_hash = %(previous)s::bytea, false)::integer
        + coalesce(unit.next_hash = %(following)s::bytea, false)::integer as neighbours
    from tm.unit as unit
    where
        unit.store_id = %(store_id)s
        and unit.src_lang = %(src)s
        and unit.tgt_lang = %(tgt)s
        and unit.src_hash = any(%(hashes)s)
    order by
        unit.src_hash, unit.tgt_hash, unit.review_state = 'unreviewed', unit.tier <> 'imported', is_there desc,
        neighbours desc, unit.score desc, unit.partition_date desc, unit.unit_key
),

ranked as (
    select
        distinct_units.*,
        row_number() over (
            partition by src_hash
            order by
                is_there desc, neighbours desc, review_state = 'unreviewed', tier <> 'imported', score desc,
                partition_date desc, unit_key
        ) as place
    from distinct_units
)

select
    unit_key, src_text, tgt_text, src_hash, context, prev_hash, next_hash, item_key, document_key, tier, score,
    partition_date, batch_id, review_state
from ranked
where place <= %(most)s;
