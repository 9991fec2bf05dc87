-- Purpose:    remember which alignments a batch has made, and where their beads lie.
-- Grain:      one row of ops.ledger per ledger_key.
-- Writes:     ops.ledger
-- Parameters: batch_id (text), keys (text[]), folders (text[]), documents (bytea[]), tiers (text[]), routes (text[]), confidences (real[])
-- Repeatable: yes.
insert into ops.ledger (ledger_key, batch_id, folder, document_key, tier, route, confidence)
select distinct on (made.ledger_key)
    made.ledger_key, %(batch_id)s, made.folder, made.document_key, made.tier, made.route, made.confidence
from unnest(
    %(keys)s::text[], %(folders)s::text[], %(documents)s::bytea[], %(tiers)s::text[], %(routes)s::text[],
    %(confidences)s::real[]
) as made (ledger_key, folder, document_key, tier, route, confidence)
order by made.ledger_key, made.document_key
on conflict (ledger_key) do update
    set
        batch_id = excluded.batch_id,
        folder = excluded.folder,
        document_key = excluded.document_key,
        tier = excluded.tier,
        route = excluded.route,
        confidence = excluded.confidence,
        recorded_at = now();
