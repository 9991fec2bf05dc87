-- Purpose:    fill sought with texts that were found outside the memory.
-- Writes:     sought (temporary)
-- Parameters: none
-- Repeatable: no.
copy sought (text) from stdin (format csv);
