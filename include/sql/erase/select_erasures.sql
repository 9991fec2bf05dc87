-- Purpose:    the erasures, newest first.
-- Reads:      ops.erasure, ops.journal
-- Parameters: none
-- Repeatable: yes; reads only.
-- Returns:    journal_id, store, tombstones, swept_at, lifted_by, at, who, facts (null where the entry is not here)
select
    erasure.journal_id, erasure.store, erasure.tombstones, erasure.swept_at, erasure.lifted_by, journal.at, journal.who,
    journal.facts
from ops.erasure as erasure
left join ops.journal as journal on journal.id = erasure.journal_id
order by erasure.journal_id desc;
