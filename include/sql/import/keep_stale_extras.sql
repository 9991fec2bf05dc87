-- Purpose:    keep what imported files say beside the texts with the versions that came too late, for a roll-back of what
--             stands above them.
-- Reads:      fresh, imported, staging.bead
-- Writes:     tm.withdrawn
-- Parameters: none
-- Repeatable: yes.
update tm.withdrawn as withdrawn
set facts = imported.facts
from fresh
join staging.bead as bead on bead.batch_id = fresh.batch_id and bead.document_key = fresh.document_key
join imported on imported.document_key = bead.document_key and imported.position = bead.position
where
    fresh.is_stale
    and imported.facts is not null
    and withdrawn.store_id = fresh.store_id
    and withdrawn.document_key = fresh.document_key
    and withdrawn.batch_id = fresh.batch_id
    and withdrawn.unit_key = bead.unit_key
    and withdrawn.position = bead.position;
