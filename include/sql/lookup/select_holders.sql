-- Purpose:    read who holds the grams of a query: the rarest grams first, until the budget is spent.
-- Grain:      one row a gram of a length class; holders is null where the budget did not reach.
-- Reads:      tm.gram
-- Parameters: store_id (integer), src (text), tgt (text), grams (bigint[]), budget (bigint: bytes)
-- Repeatable: yes; reads only.
-- Returns:    gram, holders
with chunks as (
    select
        gram.gram,
        gram.holders,
        -- A gram's lists in all length classes are read together or not at all: counts stay comparable.
        sum(octet_length(gram.holders)) over (partition by gram.gram & 4294967295) as bytes
    from unnest(%(grams)s::bigint[]) as wanted (gram)
    join tm.gram as gram
        on
            gram.store_id = %(store_id)s
            and gram.src_lang = %(src)s
            and gram.tgt_lang = %(tgt)s
            and gram.gram = wanted.gram
),

spent as (
    select
        gram,
        holders,
        bytes,
        sum(octet_length(holders)) over (order by bytes, gram & 4294967295) as running
    from chunks
)

select
    gram,
    -- The list that crosses the line is read too, so that one always is.
    string_agg(holders, ''::bytea) filter (where running - bytes < %(budget)s) as holders
from spent
group by gram;
