-- Purpose:    say of every bead of an import what became of it, and whether its source has another target as well.
-- Grain:      one row a bead that did more than stay as it was.
-- Reads:      become, imported, staging.bead, ops.document, tm.unit
-- Writes:     told (temporary, gone with the transaction)
-- Parameters: batch_id (text), day (date), store_id (integer)
-- Repeatable: once a transaction.
create temporary table told on commit drop as
select
    document.name,
    imported.line,
    bead.position,
    become.outcome,
    become.rule,
    bead.src_text,
    bead.tgt_text,
    become.outcome = 'new' and exists (
        select
        from tm.unit as other
        where
            other.store_id = %(store_id)s
            and other.src_lang = bead.src_lang
            and other.tgt_lang = bead.tgt_lang
            and other.src_hash = bead.src_hash
            and other.tgt_hash <> bead.tgt_hash
    ) as is_conflict
from become
join imported using (document_key, position)
join staging.bead as bead
    on
        bead.batch_id = %(batch_id)s
        and bead.document_key = become.document_key
        and bead.position = become.position
join ops.document as document
    on
        document.partition_date = %(day)s
        and document.batch_id = %(batch_id)s
        and document.document_key = become.document_key;
