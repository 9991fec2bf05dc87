-- Purpose:    look for the texts of the erased units, normalised and as their files wrote them.
-- Reads:      erased, tm.extra, tm.withdrawn
-- Writes:     sought (temporary)
-- Parameters: store_id (integer)
-- Repeatable: once a transaction, before anything is removed.
with facts as (
    select extra.facts
    from erased
    join tm.extra as extra on extra.store_id = %(store_id)s and extra.unit_key = erased.unit_key
    union all
    select withdrawn.facts
    from erased
    join tm.withdrawn as withdrawn on withdrawn.store_id = %(store_id)s and withdrawn.unit_key = erased.unit_key
)

insert into sought (text)
select erased.src_text from erased
union
select erased.tgt_text from erased
union
select written.text
from (select unnest(array[facts.facts #>> '{src,text}', facts.facts #>> '{tgt,text}']) as text from facts) as written
where written.text is not null;
