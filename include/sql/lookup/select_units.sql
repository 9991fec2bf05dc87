-- Purpose:    the units of some source texts, the best of each text: those in the wanted context, then reviewed,
--             imported, better and later ones.
-- Grain:      one row a unit.
-- Reads:      tm.unit
-- Parameters: store_id (integer), src (text), tgt (text), hashes (bytea[]), context (bytea), previous (bytea), following (bytea), most (integer)
--             context, previous and following are null where unknown; most is a limit a text
-- Repeatable: yes; reads only.
-- Returns:    the unit's columns
with ranked as (
    select
        unit.*,
        row_number() over (
            partition by unit.src_hash
            order by
                (unit.context = %(context)s::bytea) desc,
                (unit.prev_hash = %(previous)s::bytea) desc, (unit.next_hash = %(following)s::bytea) desc,
                (unit.review_state = 'unreviewed'), (unit.tier <> 'imported'), unit.score desc,
                unit.partition_date desc, unit.unit_key
        ) as place
    from tm.unit as unit
    where
        unit.store_id = %(store_id)s
        and unit.src_lang = %(src)s
        and unit.tgt_lang = %(tgt)s
        and unit.src_hash = any(%(hashes)s)
)

select
    unit_key, src_text, tgt_text, src_hash, context, prev_hash, next_hash, item_key, document_key, tier, score,
    partition_date, batch_id, review_state
from ranked
where place <= %(most)s;
