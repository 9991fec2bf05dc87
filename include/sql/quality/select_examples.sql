-- Purpose:    the worst of what a slice would bring, for the person who decides on it.
-- Reads:      staging.bead
-- Parameters: batch_id (text), store (text), src_lang (text), tgt_lang (text), most (integer, rows a kind)
-- Repeatable: yes; reads only.
-- Returns:    kind, place, score, src_text, tgt_text; texts are cut after 300 characters
with bead as (
    select
        staged.document_key, staged.position, staged.score, staged.rule, staged.src_text, staged.tgt_text,
        abs(
            ln((char_length(staged.src_text) + 10.0) / (char_length(staged.tgt_text) + 10.0))
        ) as unlike
    from staging.bead as staged
    where
        staged.batch_id = %(batch_id)s and staged.store = %(store)s
        and staged.src_lang = %(src_lang)s and staged.tgt_lang = %(tgt_lang)s
        and least(staged.src_count, staged.tgt_count) > 0 and staged.rule <> 'erased'
),

ranked as (
    select 'would be loaded, lowest confidence' as kind, bead.*, row_number() over (order by score, document_key, position) as place
    from bead
    where rule = ''
    union all
    select 'would be loaded, lengths least alike', bead.*, row_number() over (order by unlike desc, document_key, position)
    from bead
    where rule = ''
    union all
    select 'refused by a rule', bead.*, row_number() over (order by score desc, document_key, position)
    from bead
    where rule <> ''
)

select
    ranked.kind || case when ranked.rule <> '' then ' (' || ranked.rule || ')' else '' end as kind,
    ranked.place, ranked.score, left(ranked.src_text, 300) as src_text, left(ranked.tgt_text, 300) as tgt_text
from ranked
where ranked.place <= %(most)s
order by ranked.kind desc, ranked.place;
