-- Purpose:    the first beads of each kind, for a person to look at.
-- Reads:      told (temporary)
-- Parameters: most (integer)
-- Repeatable: yes; reads only.
-- Returns:    kind (new, conflicting, updated, duplicate, superseded, rejected, …), name, line, rule, src_text, tgt_text, total
with kinds as (
    select told.*, case when told.is_conflict then 'conflicting' else told.outcome end as kind
    from told
),

ranked as (
    select
        kinds.*,
        count(*) over (partition by kinds.kind) as total,
        row_number() over (partition by kinds.kind order by kinds.name, kinds.position) as number
    from kinds
)

select ranked.kind, ranked.name, ranked.line, ranked.rule, ranked.src_text, ranked.tgt_text, ranked.total
from ranked
where ranked.number <= %(most)s
order by ranked.kind, ranked.name, ranked.position;
