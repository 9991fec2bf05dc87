-- Purpose:    collect the units that an erasure removes: those with a named text, and what named documents say.
-- Grain:      one row a unit, of the memory or of a withdrawn version.
-- Reads:      grave, tm.unit, tm.withdrawn_unit, tm.evidence, tm.withdrawn
-- Writes:     erased (temporary, gone with the transaction)
-- Parameters: store_id (integer), min_score (real: from which on an unreviewed unit teaches a lexicon)
-- Repeatable: once a transaction.
create temporary table erased on commit drop as
with said_by_document as (
    select evidence.unit_key
    from grave
    join tm.evidence as evidence on evidence.store_id = %(store_id)s and evidence.document_key = grave.document_key
    where grave.document_key <> ''
    union
    select withdrawn.unit_key
    from grave
    join tm.withdrawn as withdrawn on withdrawn.store_id = %(store_id)s and withdrawn.document_key = grave.document_key
    where grave.document_key <> ''
),

known as (
    select
        unit.unit_key, unit.src_lang, unit.tgt_lang, unit.src_hash, unit.tgt_hash, unit.src_text, unit.tgt_text,
        unit.review_state <> 'rejected' and (
            unit.review_state = 'accepted' or unit.tier = 'imported' or unit.score >= %(min_score)s
        ) as is_taught
    from tm.unit as unit
    where unit.store_id = %(store_id)s
    union all
    -- Of what has left nobody knows whether it taught while it was there.
    select
        kept.unit_key, kept.src_lang, kept.tgt_lang, kept.src_hash, kept.tgt_hash, kept.src_text, kept.tgt_text, true
    from tm.withdrawn_unit as kept
    where kept.store_id = %(store_id)s
)

select distinct on (named.unit_key) named.*
from (
    select known.*, false as by_document
    from known
    join grave
        on
            grave.document_key = ''
            and grave.src_lang = known.src_lang
            and grave.tgt_lang = known.tgt_lang
            and grave.src_hash = known.src_hash
            and grave.tgt_hash in ('', known.tgt_hash)
    union all
    select known.*, true as by_document
    from known
    join said_by_document using (unit_key)
) as named
order by named.unit_key, named.by_document, named.is_taught desc;
