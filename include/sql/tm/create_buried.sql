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

-- Three sets that are looked up by their hashes: of joins the planner, which may not have seen the tombstones, would expect
-- one, and read all beads for each.
select bead.document_key, bead.position
from staging.bead as bead
where
    bead.batch_id = %(batch_id)s
    and (
        (bead.store, bead.src_lang, bead.tgt_lang, bead.src_hash, bead.tgt_hash) in (
            select stone.store, stone.src_lang, stone.tgt_lang, stone.src_hash, stone.tgt_hash from stone
        )
        or (bead.store, bead.src_lang, bead.tgt_lang, bead.src_hash) in (
            select stone.store, stone.src_lang, stone.tgt_lang, stone.src_hash from stone where stone.tgt_hash = ''
        )
        or (bead.store, bead.src_lang, bead.tgt_lang, bead.document_key) in (
            select stone.store, stone.src_lang, stone.tgt_lang, stone.document_key from stone
        )
    );
