-- Purpose:    reserve numbers for source texts.
-- Writes:     tm.numbering
-- Parameters: store_id (integer), src (text), tgt (text), texts (bigint)
-- Repeatable: no; each call gives out new numbers. The row's lock makes writers of one pair wait for each other.
-- Returns:    first_number
insert into tm.numbering as known (store_id, src_lang, tgt_lang, given)
values (%(store_id)s, %(src)s, %(tgt)s, %(texts)s)
on conflict (store_id, src_lang, tgt_lang) do update set given = known.given + excluded.given
returning known.given - %(texts)s as first_number;
