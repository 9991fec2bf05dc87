-- Purpose:    add a verdict again from its journal entry, after a restore.
-- Reads:      review.verdict
-- Writes:     review.verdict
-- Parameters: facts (jsonb), note (text)
--             facts: the table's columns; hashes and keys are hexadecimal, \x before them
-- Repeatable: yes; a verdict that is there stays as it is.
-- Returns:    verdict_key, or no row
insert into review.verdict (
    verdict_key, at, who, kind, correction, undoes, note, seconds, batch_id, document_key, position, partition_date, store,
    src_lang, tgt_lang, tier, score_bin, score, confidence, weight, origin, unit_key
)
select
    said.verdict_key, said.at, said.who, said.kind, said.correction, said.undoes, %(note)s, said.seconds, said.batch_id,
    said.document_key, said.position, said.partition_date, said.store, said.src_lang, said.tgt_lang, said.tier,
    said.score_bin, said.score, said.confidence, said.weight, said.origin, said.unit_key
from jsonb_populate_record(null::review.verdict, %(facts)s) as said
on conflict (verdict_key) do nothing
returning verdict_key;
