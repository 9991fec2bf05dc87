-- Purpose:    a few units of a batch to look at: aligned before imported, one a language pair as far as it goes.
-- Reads:      tm.unit, tm.store
-- Parameters: batch_id (text), wanted (integer)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, src_text, tgt_text, tier, score
with ranked as (
    select
        unit.*,
        row_number() over (
            partition by unit.src_lang, unit.tgt_lang
            order by (unit.tier = 'imported'), (length(unit.src_text) between 40 and 110) desc, unit.unit_key
        ) as place
    from tm.unit as unit
    where unit.batch_id = %(batch_id)s
)

select store.name as store, ranked.src_lang, ranked.tgt_lang, ranked.src_text, ranked.tgt_text, ranked.tier, ranked.score
from ranked
join tm.store as store using (store_id)
order by (ranked.tier = 'imported'), ranked.place, ranked.unit_key
limit %(wanted)s;
