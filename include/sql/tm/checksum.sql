-- Purpose:    one fingerprint of the memory, whatever order and place its rows are in.
-- Grain:      one row; each unit enters as the SHA-256 of its store, languages, tier, texts and score.
-- Reads:      tm.unit, tm.store
-- Parameters: store (text, null: all stores)
-- Repeatable: yes; reads only.
-- Returns:    units, digest (64 hexadecimal digits)

with hashed as (
    select
        -- A text in Postgres never holds a zero byte, so one between two fields keeps ("a", "bc") from ("ab", "c");
        -- bytes, not texts, are compared: no collation has a say. The score enters as its four bytes, exactly.
        sha256(
            convert_to(store.name, 'UTF8') || '\x00'::bytea
            || convert_to(unit.src_lang, 'UTF8') || '\x00'::bytea
            || convert_to(unit.tgt_lang, 'UTF8') || '\x00'::bytea
            || convert_to(unit.tier, 'UTF8') || '\x00'::bytea
            || convert_to(unit.src_text, 'UTF8') || '\x00'::bytea
            || convert_to(unit.tgt_text, 'UTF8') || '\x00'::bytea
            || float4send(unit.score)
        ) as hash
    from tm.unit as unit
    inner join tm.store as store on store.store_id = unit.store_id
    where %(store)s::text is null or store.name = %(store)s
    -- Without this the planner pulls the hash up into each of the four sums below and computes it four times.
    offset 0
),

summed as (
    -- Sums do not ask for an order and, other than exclusive or, see a row that is there twice.
    select
        count(*) as units,
        sum(('x' || encode(substr(hash, 1, 8), 'hex'))::bit(64)::bigint) as part_1,
        sum(('x' || encode(substr(hash, 9, 8), 'hex'))::bit(64)::bigint) as part_2,
        sum(('x' || encode(substr(hash, 17, 8), 'hex'))::bit(64)::bigint) as part_3,
        sum(('x' || encode(substr(hash, 25, 8), 'hex'))::bit(64)::bigint) as part_4
    from hashed
)

select
    units,
    encode(sha256(convert_to(concat_ws(' ', units, part_1, part_2, part_3, part_4), 'UTF8')), 'hex') as digest
from summed;
