-- Purpose:    record the result of each promise on each slice; the arrays run in parallel.
-- Grain:      one row of quality.check_result per (batch_id, store, src_lang, tgt_lang, name).
-- Writes:     quality.check_result
-- Parameters: batch_id (text), stores (text[]), src_langs (text[]), tgt_langs (text[]), names (text[]), levels (text[]), passed (boolean[]), found (text[]), releasable (boolean[])
-- Repeatable: after delete_checks, in its transaction.
insert into quality.check_result (batch_id, store, src_lang, tgt_lang, name, level, passed, found, releasable)
select
    %(batch_id)s, checked.store, checked.src_lang, checked.tgt_lang, checked.name, checked.level, checked.passed, checked.found,
    checked.releasable
from unnest(
    %(stores)s::text[],
    %(src_langs)s::text[],
    %(tgt_langs)s::text[],
    %(names)s::text[],
    %(levels)s::text[],
    %(passed)s::boolean[],
    %(found)s::text[],
    %(releasable)s::boolean[]
) as checked (store, src_lang, tgt_lang, name, level, passed, found, releasable);
