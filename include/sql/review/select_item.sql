-- Purpose:    one review item with what stands around it.
-- Grain:      one row, or none.
-- Reads:      review.item, ops.document, tm.unit, tm.store
-- Parameters: item_id (bigint), who (text)
-- Repeatable: yes; reads only.
-- Returns:    the item's columns, its document's name, twins (units with the same texts)
select
    item.item_id, item.version, item.store, item.src_lang, item.tgt_lang, item.tier, item.score_bin, item.score,
    item.origin, item.priority, item.src_text, item.tgt_text, item.state, item.wanted, item.verdicts, item.disputed,
    %(who)s = any(item.reviewers) as is_mine, item.claimed_by, item.claimed_until, item.batch_id, item.partition_date,
    item.claimed_by <> '' and item.claimed_until > now() as is_claimed,
    item.document_key, item.position, item.unit_key, item.confidence, item.around,
    (
        select document.name
        from ops.document as document
        where
            document.partition_date = item.partition_date
            and document.batch_id = item.batch_id
            and document.document_key = item.document_key
    ) as document,
    (
        select count(*)
        from tm.store as store
        join tm.unit as unit
            on
                unit.store_id = store.store_id
                and unit.src_lang = item.src_lang
                and unit.tgt_lang = item.tgt_lang
                and unit.src_hash = item.src_hash
                and unit.tgt_hash = item.tgt_hash
        where (store.name, unit.unit_key) <> (item.store, item.unit_key)
    )::integer as twins
from review.item as item
where item.item_id = %(item_id)s;
