-- Purpose:    the units of a source text that stand where a query stands: by their keys, which tell the place; and,
--             for a place that no key tells (one neighbour alone is known), among the text's first units.
-- Grain:      one row a unit; a unit may come twice.
-- Reads:      tm.unit, tm.extra
-- Parameters: store_id (integer), src (text), tgt (text), hash (bytea), keys (bytea[]), previous (bytea), following (bytea), first (integer)
--             previous and following are null where unknown, and not both; first is how many units are gone through
-- Repeatable: yes; reads only.
-- Returns:    the unit's columns, and tgt_said: the target as its file wrote it, null where that is the unit's
with there as (
    select unit.*
    from tm.unit as unit
    where unit.store_id = %(store_id)s and unit.unit_key = any(%(keys)s::bytea[])
    union all
    select near.*
    from (
        select unit.*
        from tm.unit as unit
        where
            unit.store_id = %(store_id)s
            and unit.src_lang = %(src)s
            and unit.tgt_lang = %(tgt)s
            and unit.src_hash = %(hash)s
        order by
            unit.review_state = 'unreviewed', unit.tier <> 'imported', unit.tgt_hash, unit.score desc,
            unit.partition_date desc, unit.unit_key
        limit %(first)s
    ) as near
    where
        near.prev_hash = coalesce(%(previous)s::bytea, near.prev_hash)
        and near.next_hash = coalesce(%(following)s::bytea, near.next_hash)
        and coalesce(%(previous)s::bytea, %(following)s::bytea) is not null
)

select
    there.unit_key, there.src_text, there.tgt_text, there.src_hash, there.context, there.prev_hash, there.next_hash,
    there.item_key, there.document_key, there.tier, there.score, there.partition_date, there.batch_id,
    there.review_state, extra.facts -> 'tgt' ->> 'text' as tgt_said
from there
left join tm.extra as extra
    on
        extra.store_id = there.store_id
        and extra.document_key = there.document_key
        and extra.unit_key = there.unit_key;
