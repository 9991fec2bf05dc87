-- Purpose:    record a change of the memory outside a refresh, in its transaction.
-- Writes:     ops.journal
-- Parameters: kind (text), who (text), store (text), facts (jsonb), uri (text)
-- Repeatable: no; one row a change.
-- Returns:    id
insert into ops.journal (kind, who, store, facts, uri)
values (%(kind)s, %(who)s, %(store)s, %(facts)s, %(uri)s)
returning id;
