-- Purpose:    keep what people say of pairs of texts where a load asks for it.
-- Writes:     tm.ruling
-- Parameters: store_id (integer), pairs (jsonb)
--             pairs as review/select_ruled returns them
-- Repeatable: yes.
with pair as (
    select * from jsonb_to_recordset(%(pairs)s) as pair (
        src_lang text, tgt_lang text, src_hash bytea, tgt_hash bytea, is_rejected boolean, verdict_key bytea
    )
),

gone as (
    delete from tm.ruling as ruling using pair
    where
        pair.is_rejected is null
        and ruling.store_id = %(store_id)s
        and ruling.src_lang = pair.src_lang
        and ruling.tgt_lang = pair.tgt_lang
        and ruling.src_hash = pair.src_hash
        and ruling.tgt_hash = pair.tgt_hash
)

insert into tm.ruling (store_id, src_lang, tgt_lang, src_hash, tgt_hash, is_rejected, verdict_key)
select %(store_id)s, pair.src_lang, pair.tgt_lang, pair.src_hash, pair.tgt_hash, pair.is_rejected, pair.verdict_key
from pair
where pair.is_rejected is not null
on conflict (store_id, src_lang, tgt_lang, src_hash, tgt_hash) do update
    set is_rejected = excluded.is_rejected, verdict_key = excluded.verdict_key;
