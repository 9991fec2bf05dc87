-- Purpose:    collect what a merge brings of texts that people refused in that store, whatever document says them now.
-- Grain:      one row of incoming whose two texts have a ruling against them.
-- Reads:      incoming, tm.ruling
-- Writes:     refused (temporary, gone with the transaction)
-- Parameters: none
-- Repeatable: once a transaction.
create temporary table refused on commit drop as
select incoming.*
from incoming
join tm.ruling as ruling
    on
        ruling.store_id = incoming.store_id
        and ruling.src_lang = incoming.src_lang
        and ruling.tgt_lang = incoming.tgt_lang
        and ruling.src_hash = incoming.src_hash
        and ruling.tgt_hash = incoming.tgt_hash
        and ruling.is_rejected;
