-- Purpose:    fill imported.
-- Writes:     imported (temporary)
-- Parameters: none
-- Repeatable: no.
copy imported (document_key, position, line, facts) from stdin (format csv);
