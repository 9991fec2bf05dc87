-- Purpose:    record a migration that was just applied, in its transaction.
-- Writes:     ops.migration
-- Parameters: number (integer), name (text), sha256 (hexadecimal digits)
-- Repeatable: no; a second row of the same number is an error.
insert into ops.migration (number, name, sha256) values (%(number)s, %(name)s, %(sha256)s);
