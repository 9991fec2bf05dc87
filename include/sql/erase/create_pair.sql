-- Purpose:    collect the pairs of texts that have no place in the store any more, for the tables that keep copies.
-- Reads:      grave, erased, tm.unit, tm.withdrawn_unit
-- Writes:     erased_pair (temporary, gone with the transaction)
-- Parameters: store_id (integer)
-- Repeatable: once a transaction, after the units are gone.
create temporary table erased_pair on commit drop as
select grave.src_lang, grave.tgt_lang, grave.src_hash, grave.tgt_hash
from grave
where grave.document_key = ''
union
select erased.src_lang, erased.tgt_lang, erased.src_hash, erased.tgt_hash
from erased
where
    -- The same texts in another context are another unit, and may be another document's own.
    not exists (
        select
        from tm.unit as unit
        where
            unit.store_id = %(store_id)s
            and unit.src_lang = erased.src_lang
            and unit.tgt_lang = erased.tgt_lang
            and unit.src_hash = erased.src_hash
            and unit.tgt_hash = erased.tgt_hash
    )
    and not exists (
        select
        from tm.withdrawn_unit as kept
        where
            kept.store_id = %(store_id)s
            and kept.src_lang = erased.src_lang
            and kept.tgt_lang = erased.tgt_lang
            and kept.src_hash = erased.src_hash
            and kept.tgt_hash = erased.tgt_hash
    );
