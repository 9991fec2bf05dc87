-- Purpose:    note in the restored database where it comes from and what was replayed.
-- Writes:     ops.restore
-- Parameters: uri (text), seconds (s), facts (json)
-- Repeatable: no; one row a restore.
insert into ops.restore (uri, seconds, facts) values (%(uri)s, %(seconds)s, %(facts)s);
