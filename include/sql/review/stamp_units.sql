-- Purpose:    say on a batch's units what is known of them: what people said of their texts, else whether their stratum is
--             proven good.
-- Reads:      review.standing, tm.store, tm.ruling
-- Writes:     tm.unit
-- Parameters: batch_id (text), bounds (double precision[])
--             bounds: the upper bounds of the score bins but the last
-- Repeatable: yes; a second run changes no row.
--
-- What is known is asked of each unit by the keys of two small tables, and the units are not joined to themselves: right
-- after a load the planner has not seen them, takes a batch for a row or two, and a join would look through all units for
-- each of them.
update tm.unit as unit
set review_state = said.review_state, updated_at = now()
from (values ('accepted'), ('trusted'), ('unreviewed')) as said (review_state)
where
    unit.batch_id = %(batch_id)s
    and unit.review_state <> said.review_state
    and said.review_state = (
        select
            case
                when (
                    select ruling.is_rejected
                    from tm.ruling as ruling
                    where
                        ruling.store_id = unit.store_id
                        and ruling.src_lang = unit.src_lang
                        and ruling.tgt_lang = unit.tgt_lang
                        and ruling.src_hash = unit.src_hash
                        and ruling.tgt_hash = unit.tgt_hash
                ) is false then 'accepted'
                when standing.state = 'trusted' then 'trusted'
                else 'unreviewed'
            end
        from review.standing as standing
        where
            standing.batch_id = %(batch_id)s
            and standing.store = (select store.name from tm.store as store where store.store_id = unit.store_id)
            and standing.src_lang = unit.src_lang
            and standing.tgt_lang = unit.tgt_lang
            and standing.tier = unit.tier
            and standing.score_bin = width_bucket(unit.score::double precision, %(bounds)s::double precision[])
    );
