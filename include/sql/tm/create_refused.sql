-- Purpose:    collect what a merge brings of texts that people refused in that store, whatever document says them now.
-- Grain:      one row of incoming whose two texts have a ruling against them.
-- Reads:      incoming, fresh, tm.ruling
-- Writes:     refused (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table refused on commit drop as
select incoming.*
from incoming
where
    -- A set that is looked up by its hash: of a join the planner, which may not have seen the rulings, would expect one,
    -- and read all of incoming for each.
    coalesce(
        (incoming.store_id, incoming.src_lang, incoming.tgt_lang, incoming.src_hash, incoming.tgt_hash) in (
            select ruling.store_id, ruling.src_lang, ruling.tgt_lang, ruling.src_hash, ruling.tgt_hash
            from tm.ruling as ruling
            where ruling.is_rejected and ruling.store_id in (select fresh.store_id from fresh)
        ),
        false
    );
