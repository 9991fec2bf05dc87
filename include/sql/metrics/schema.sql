-- Purpose:    whether the beads are what their columns promise, whatever they say.
-- Grain:      one row a slice.
-- Reads:      ops.slice, staging.bead
-- Parameters: batch_id (text), rules (text[], the names of all rules), tiers (text[], the names of all tiers)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, name, value
--
--             malformed_beads      beads with a text on a side without segments, or (aligned or passed ones, not erased
--                                  ones) none on a side with some; with an unknown rule or tier, a score outside 0 to 1, or a key that
--                                  is no SHA-256
with counted as materialized (
    select bead.store, bead.src_lang, bead.tgt_lang, count(*) as malformed
    from staging.bead as bead
    where
        bead.batch_id = %(batch_id)s
        and (
            bead.src_count = 0 and bead.src_text <> ''
            or bead.tgt_count = 0 and bead.tgt_text <> ''
            or (bead.tier <> 'imported' or bead.rule = '') and bead.rule <> 'erased' and (
                bead.src_count > 0 and bead.src_text = '' or bead.tgt_count > 0 and bead.tgt_text = ''
            )
            or bead.rule = '' and least(bead.src_count, bead.tgt_count) = 0
            or least(bead.src_count, bead.tgt_count) < 0
            or bead.rule not in ('', 'erased') and bead.rule <> all(%(rules)s::text[])
            or bead.tier <> all(%(tiers)s::text[])
            -- Written so that nan, which Postgres sorts above every number, is outside too.
            or not (bead.score >= 0 and bead.score <= 1)
            or least(octet_length(bead.unit_key), octet_length(bead.src_hash), octet_length(bead.tgt_hash)) <> 32
            or greatest(octet_length(bead.unit_key), octet_length(bead.src_hash), octet_length(bead.tgt_hash)) <> 32
        )
    group by bead.store, bead.src_lang, bead.tgt_lang
)

select
    slice.store,
    slice.src_lang,
    slice.tgt_lang,
    'malformed_beads' as name,
    coalesce(counted.malformed, 0)::double precision as value
from ops.slice as slice
left join counted using (store, src_lang, tgt_lang)
where slice.batch_id = %(batch_id)s;
