-- Purpose:    keep what the imported files say beside the texts; drop what their older versions said.
-- Grain:      one row of tm.extra per (store_id, document_key, unit_key) that says something.
-- Reads:      imported, incoming, fresh
-- Writes:     tm.extra
-- Parameters: none
-- Repeatable: yes; a second run changes no row.
with said as (
    select incoming.store_id, incoming.document_key, incoming.unit_key, imported.facts
    from incoming
    join imported using (document_key, position)
    where incoming.rank_in_document = 1 and imported.facts is not null
),

gone as (
    delete from tm.extra as extra
    using fresh
    where
        extra.store_id = fresh.store_id
        and extra.document_key = fresh.document_key
        and not fresh.is_stale
        and not exists (
            select
            from said
            where
                said.store_id = extra.store_id
                and said.document_key = extra.document_key
                and said.unit_key = extra.unit_key
        )
)

insert into tm.extra as known (store_id, document_key, unit_key, facts)
select said.store_id, said.document_key, said.unit_key, said.facts
from said
on conflict (store_id, document_key, unit_key) do update
    set facts = excluded.facts
    where known.facts is distinct from excluded.facts;
