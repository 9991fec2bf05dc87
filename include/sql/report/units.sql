-- Purpose:    a few units of a batch to look at: of each language pair the middle one by score, aligned before imported.
-- Reads:      tm.unit, tm.store
-- Parameters: batch_id (text), wanted (integer)
-- Repeatable: yes; reads only.
-- Returns:    store, src_lang, tgt_lang, src_text, tgt_text, tier, score
with fit as (
    select
        unit.*,
        rank() over (
            partition by unit.src_lang, unit.tgt_lang
            order by (unit.tier = 'imported'), (length(unit.src_text) between 40 and 110) desc
        ) as class
    from tm.unit as unit
    where unit.batch_id = %(batch_id)s
),

ranked as (
    select
        fit.*,
        row_number() over (partition by fit.src_lang, fit.tgt_lang order by fit.score, fit.unit_key) as place,
        count(*) over (partition by fit.src_lang, fit.tgt_lang) as units
    from fit
    where fit.class = 1
)

select store.name as store, ranked.src_lang, ranked.tgt_lang, ranked.src_text, ranked.tgt_text, ranked.tier, ranked.score
from ranked
join tm.store as store using (store_id)
order by (ranked.tier = 'imported'), abs(ranked.place - (ranked.units + 1) / 2),
    ranked.src_lang, ranked.tgt_lang, ranked.unit_key
limit %(wanted)s;
