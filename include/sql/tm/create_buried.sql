-- Purpose:    collect the staged beads of a batch that a tombstone keeps out of the memory.
-- Grain:      one row a bead whose document, source, or source and target were erased from its store.
-- Reads:      staging.bead, tm.store, tm.tombstone
-- Writes:     buried (temporary, gone with the transaction)
-- Parameters: batch_id (text)
-- Repeatable: once a transaction.
create temporary table buried on commit drop as
with stone as materialized (
    select store.name as store, tombstone.*
    from tm.tombstone as tombstone
    join tm.store as store using (store_id)
    where store.name in (select slice.store from ops.slice as slice where slice.batch_id = %(batch_id)s)
)

-- Three joins on equal columns, where one with "or" would compare every bead with every tombstone.
select bead.document_key, bead.position
from staging.bead as bead
join stone using (store, src_lang, tgt_lang, src_hash, tgt_hash)
where bead.batch_id = %(batch_id)s
union
select bead.document_key, bead.position
from staging.bead as bead
join stone using (store, src_lang, tgt_lang, src_hash)
where bead.batch_id = %(batch_id)s and stone.tgt_hash = ''
union
select bead.document_key, bead.position
from staging.bead as bead
join stone using (store, src_lang, tgt_lang, document_key)
where bead.batch_id = %(batch_id)s;
