-- Purpose:    say of every bead of an import what became of it, and whether its source has another target as well.
-- Grain:      one row a bead that did more than stay as it was.
-- Reads:      staging.bead, ops.outcome, imported, ops.document, tm.store, tm.unit
-- Writes:     told (temporary, gone with the transaction)
-- Parameters: batch_id (text), day (date)
-- Repeatable: once a transaction.
create temporary table told on commit drop as
select
    document.name,
    imported.line,
    bead.position,
    outcome.outcome,
    outcome.rule,
    bead.src_text,
    bead.tgt_text,
    outcome.outcome = 'new' and exists (
        select
        from tm.unit as other
        where
            other.store_id = store.store_id
            and other.src_lang = bead.src_lang
            and other.tgt_lang = bead.tgt_lang
            and other.src_hash = bead.src_hash
            and other.tgt_hash <> bead.tgt_hash
    ) as is_conflict
from ops.outcome as outcome
join staging.bead as bead using (batch_id, document_key, position)
join imported using (document_key, position)
join ops.document as document using (partition_date, batch_id, document_key)
join tm.store as store on store.name = bead.store
where outcome.partition_date = %(day)s and outcome.batch_id = %(batch_id)s and outcome.outcome <> 'unchanged';
