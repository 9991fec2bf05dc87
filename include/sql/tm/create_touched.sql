-- Purpose:    collect the units that a load may change, with what the memory says of them before it.
-- Grain:      one row a unit that a document pair of the load says now, or said in its older version.
-- Reads:      incoming, fresh, tm.evidence, tm.unit
-- Writes:     touched (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table touched on commit drop as
with keys as (
    select incoming.store_id, incoming.unit_key from incoming
    union
    select evidence.store_id, evidence.unit_key
    from tm.evidence as evidence
    join fresh
        on fresh.store_id = evidence.store_id and fresh.document_key = evidence.document_key and not fresh.is_stale
)
select keys.store_id, keys.unit_key, unit.tier as old_tier, unit.score as old_score
from keys
left join tm.unit as unit on unit.store_id = keys.store_id and unit.unit_key = keys.unit_key
-- In the order of the memory's keys, in which tm/upsert_units then adds to it.
order by keys.store_id, keys.unit_key;
