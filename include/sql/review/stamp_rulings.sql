-- Purpose:    say on units what people said of their texts.
-- Reads:      tm.ruling
-- Writes:     tm.unit
-- Parameters: store_id (integer), pairs (jsonb)
--             pairs as review/select_ruled returns them
-- Repeatable: yes; a second run changes no row.
with pair as (
    select * from jsonb_to_recordset(%(pairs)s) as pair (
        src_lang text, tgt_lang text, src_hash bytea, tgt_hash bytea, is_rejected boolean, verdict_key bytea
    )
)

update tm.unit as unit
set review_state = case when pair.is_rejected is null then 'unreviewed' else 'accepted' end, updated_at = now()
from pair
where
    unit.store_id = %(store_id)s
    and unit.src_lang = pair.src_lang
    and unit.tgt_lang = pair.tgt_lang
    and unit.src_hash = pair.src_hash
    and unit.tgt_hash = pair.tgt_hash
    and pair.is_rejected is distinct from true
    and (unit.review_state = 'accepted') <> (pair.is_rejected is not null);
