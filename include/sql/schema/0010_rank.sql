-- Purpose:    find the units of a source text target by target, however many units say the same.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- "OK" is said by thousands of units of a large memory: a look-up steps from target to target, best standing first, and
-- from a target's units takes the first. Takes the place of unit_src.
create index unit_rank on tm.unit (
    store_id, src_lang, tgt_lang, src_hash, (review_state = 'unreviewed'), (tier <> 'imported'), tgt_hash,
    score desc, partition_date desc, unit_key
);
drop index tm.unit_src;
