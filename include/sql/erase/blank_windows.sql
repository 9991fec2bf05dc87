-- Purpose:    take out of the windows round review items the beads that quote an erased text. A window that lost one is
--             without the bead's own segments too: between what is left and what is gone nothing can be moved.
-- Reads:      sought
-- Writes:     review.item
-- Parameters: store (text), inside (integer): texts at least this long are looked for inside longer ones too
-- Repeatable: yes; a second run changes no row.
-- Returns:    rows
with beads as (
    select
        item.item_id,
        side.name,
        bead.number,
        bead.facts,
        exists (
            select
            from (
                select value #>> '{}' as text from jsonb_path_query((bead.facts -> 'src') || (bead.facts -> 'tgt'), '$[*]') as value
                union all
                select string_agg(segment.value, item.around ->> (part.name || '_glue') order by segment.number)
                from (values ('src'), ('tgt')) as part (name)
                cross join
                    jsonb_array_elements_text(bead.facts -> part.name) with ordinality as segment (value, number)
                group by part.name
            ) as quoted
            join sought
                on sought.text = quoted.text
                or (length(sought.text) >= %(inside)s and strpos(quoted.text, sought.text) > 0)
                -- A unit of two segments stands there segment by segment.
                or (length(quoted.text) >= %(inside)s and strpos(sought.text, quoted.text) > 0)
        ) as is_quoting
    from review.item as item
    cross join unnest(array['before', 'own', 'after']) as side (name)
    cross join
        jsonb_path_query_array(item.around, ('lax $.' || side.name || '[*]')::jsonpath) as listed
    cross join jsonb_array_elements(listed) with ordinality as bead (facts, number)
    where item.store = %(store)s
),

windows as (
    select
        item_id,
        coalesce(jsonb_agg(blank.facts order by beads.number) filter (where name = 'before'), '[]') as before,
        coalesce(jsonb_agg(blank.facts order by beads.number) filter (where name = 'after'), '[]') as after
    from beads
    cross join
        lateral (select case when is_quoting then beads.facts || '{"src": [], "tgt": []}' else beads.facts end) as blank (facts)
    group by item_id
    having bool_or(is_quoting)
),

blanked as (
    update review.item as item
    set around = (item.around - 'own') || jsonb_build_object('before', windows.before, 'after', windows.after)
    from windows
    where item.item_id = windows.item_id
    returning 1
)

select count(*) as rows from blanked;
