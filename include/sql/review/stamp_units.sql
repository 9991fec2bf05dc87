-- Purpose:    say on a batch's units what is known of them: what people said of their texts, else whether their stratum is
--             proven good.
-- Reads:      review.standing, tm.store, tm.ruling
-- Writes:     tm.unit
-- Parameters: batch_id (text), bounds (double precision[])
--             bounds: the upper bounds of the score bins but the last
-- Repeatable: yes; a second run changes no row.
with known as (
    select
        unit.store_id,
        unit.unit_key,
        case
            when ruling.is_rejected is false then 'accepted'
            when standing.state = 'trusted' then 'trusted'
            else 'unreviewed'
        end as review_state
    from tm.unit as unit
    join tm.store as store on store.store_id = unit.store_id
    join review.standing as standing
        on
            standing.batch_id = %(batch_id)s
            and standing.store = store.name
            and standing.src_lang = unit.src_lang
            and standing.tgt_lang = unit.tgt_lang
            and standing.tier = unit.tier
            and standing.score_bin = width_bucket(unit.score::double precision, %(bounds)s::double precision[])
    left join tm.ruling as ruling
        on
            ruling.store_id = unit.store_id
            and ruling.src_lang = unit.src_lang
            and ruling.tgt_lang = unit.tgt_lang
            and ruling.src_hash = unit.src_hash
            and ruling.tgt_hash = unit.tgt_hash
    where unit.batch_id = %(batch_id)s
)

update tm.unit as unit
set review_state = known.review_state, updated_at = now()
from known
where
    unit.store_id = known.store_id
    and unit.unit_key = known.unit_key
    and unit.review_state <> known.review_state;
