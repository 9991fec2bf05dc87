-- Purpose:    record a restore drill.
-- Writes:     ops.drill
-- Parameters: uri (text), began_at (time), is_passed (boolean), problems (text[]), rto (s), rpo (s), facts (json)
-- Repeatable: no; one row a drill.
insert into ops.drill (uri, began_at, is_passed, problems, rto_seconds, rpo_seconds, facts)
values (%(uri)s, %(began_at)s, %(is_passed)s, %(problems)s::text[], %(rto)s, %(rpo)s, %(facts)s);
