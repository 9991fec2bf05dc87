-- Purpose:    bring back what the files of the restored versions said beside their texts, and drop what the rolled back
--             ones said.
-- Grain:      one row of tm.extra per (store_id, document_key, unit_key) that says something.
-- Reads:      fresh, incoming
-- Writes:     tm.extra
-- Parameters: none
-- Repeatable: yes.
with gone as (
    delete from tm.extra as extra
    using fresh
    where
        extra.store_id = fresh.store_id
        and extra.document_key = fresh.document_key
        and not exists (
            select
            from incoming
            where
                incoming.store_id = extra.store_id
                and incoming.document_key = extra.document_key
                and incoming.unit_key = extra.unit_key
                and incoming.facts is not null
        )
)

insert into tm.extra (store_id, document_key, unit_key, facts)
select incoming.store_id, incoming.document_key, incoming.unit_key, incoming.facts
from incoming
where incoming.facts is not null
on conflict (store_id, document_key, unit_key) do update
    set facts = excluded.facts;
