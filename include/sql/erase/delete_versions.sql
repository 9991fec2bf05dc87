-- Purpose:    forget every version of the named documents that was put aside, and the texts that only they said.
-- Reads:      grave
-- Writes:     tm.withdrawn_document, tm.withdrawn, tm.withdrawn_unit
-- Parameters: store_id (integer)
-- Repeatable: yes.
with named as materialized (
    select distinct grave.document_key from grave where grave.document_key <> ''
),

versions as (
    delete from tm.withdrawn_document as withdrawn using named
    where withdrawn.store_id = %(store_id)s and withdrawn.document_key = named.document_key
),

said as (
    delete from tm.withdrawn as withdrawn using named
    where withdrawn.store_id = %(store_id)s and withdrawn.document_key = named.document_key
    returning withdrawn.unit_key
)

delete from tm.withdrawn_unit as kept
using (select distinct said.unit_key from said) as gone
where
    kept.store_id = %(store_id)s
    and kept.unit_key = gone.unit_key
    and not exists (
        select
        from tm.withdrawn as other
        where
            other.store_id = %(store_id)s
            and other.unit_key = kept.unit_key
            and other.document_key not in (select named.document_key from named)
    );
