-- Purpose:    bring back what a file said of units beside their texts, once their evidence is there again.
-- Reads:      tm.evidence
-- Writes:     tm.extra
-- Parameters: store_id (integer), rows (jsonb)
--             an array of objects with document_key, unit_key (hexadecimal, \x before them) and facts
-- Repeatable: yes.
insert into tm.extra (store_id, document_key, unit_key, facts)
select evidence.store_id, evidence.document_key, evidence.unit_key, said.facts
from jsonb_to_recordset(%(rows)s) as said (document_key bytea, unit_key bytea, facts jsonb)
join tm.evidence as evidence
    on
        evidence.store_id = %(store_id)s
        and evidence.document_key = said.document_key
        and evidence.unit_key = said.unit_key
on conflict (store_id, document_key, unit_key) do nothing;
