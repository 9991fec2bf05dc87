-- Purpose:    look for the words that a person asked for, besides the texts in which they were found.
-- Writes:     sought (temporary)
-- Parameters: words (text)
-- Repeatable: once a transaction.
insert into sought (text, is_asked) values (%(words)s, true);
