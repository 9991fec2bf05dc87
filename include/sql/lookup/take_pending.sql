-- Purpose:    take source texts from the queue, to index them in the same transaction.
-- Reads:      tm.source
-- Writes:     tm.pending
-- Parameters: store_id (integer), src (text), tgt (text), most (integer)
-- Repeatable: no; what was taken is gone unless the transaction is rolled back.
-- Returns:    src_hash, src_text, is_known (the index has the text already)
delete from tm.pending as pending
where
    pending.store_id = %(store_id)s
    -- By place, which is the same row within one partition: a join would be planned before anything is known of a
    -- table that was empty a moment ago.
    and pending.ctid = any(
        array(
            select waiting.ctid
            from tm.pending as waiting
            where waiting.store_id = %(store_id)s and waiting.src_lang = %(src)s and waiting.tgt_lang = %(tgt)s
            limit %(most)s
        )
    )
returning
    pending.src_hash,
    pending.src_text,
    exists (
        select
        from tm.source as source
        where
            source.store_id = pending.store_id
            and source.src_lang = pending.src_lang
            and source.tgt_lang = pending.tgt_lang
            and source.src_hash = pending.src_hash
    ) as is_known;
