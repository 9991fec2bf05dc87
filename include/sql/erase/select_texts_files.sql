-- Purpose:    journal entries of a store with texts in a file of their own: imports, and what reviewers wrote.
-- Reads:      ops.journal
-- Parameters: store (text)
-- Repeatable: yes; reads only.
-- Returns:    id, kind, uri, facts
select journal.id, journal.kind, journal.uri, journal.facts
from ops.journal as journal
where journal.store = %(store)s and journal.kind in ('import', 'verdict', 'correction')
order by journal.id;
