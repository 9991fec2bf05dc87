-- Purpose:    take out of the windows round review items the beads that quote an erased text. A window that lost one is
--             without the bead's own segments too: between what is left and what is gone nothing can be moved.
--             A bead that stands as a unit is asked as a whole: a longer unit is another text. In others, null beads for
--             one, each segment is.
-- Reads:      sought, tm.evidence, tm.unit
-- Writes:     review.item
-- Parameters: store (text), store_id (integer), inside (integer)
--             inside: texts at least this long are looked for inside longer ones too
-- Repeatable: yes; a second run changes no row.
-- Returns:    rows
with sides as (
    select
        item.item_id,
        item.document_key,
        side.name,
        bead.number,
        bead.facts,
        (
            select string_agg(segment.value, item.around ->> 'src_glue' order by segment.number)
            from jsonb_array_elements_text(bead.facts -> 'src') with ordinality as segment (value, number)
        ) as src_text,
        (
            select string_agg(segment.value, item.around ->> 'tgt_glue' order by segment.number)
            from jsonb_array_elements_text(bead.facts -> 'tgt') with ordinality as segment (value, number)
        ) as tgt_text
    from review.item as item
    cross join unnest(array['before', 'own', 'after']) as side (name)
    cross join
        jsonb_path_query_array(item.around, ('lax $.' || side.name || '[*]')::jsonpath) as listed
    cross join jsonb_array_elements(listed) with ordinality as bead (facts, number)
    where item.store = %(store)s
),

beads as (
    select
        sides.item_id,
        sides.name,
        sides.number,
        sides.facts,
        exists (
            select
            from sought
            where
                sought.text in (sides.src_text, sides.tgt_text)
                or (
                    sought.is_asked
                    and (strpos(sides.src_text, sought.text) > 0 or strpos(sides.tgt_text, sought.text) > 0)
                )
        )
        or exists (
            select
            from (
                select value #>> '{}' as text
                from jsonb_path_query((sides.facts -> 'src') || (sides.facts -> 'tgt'), '$[*]') as value
                union all
                select unnest(array[sides.src_text, sides.tgt_text])
            ) as quoted
            join sought
                on sought.text = quoted.text
                or (length(sought.text) >= %(inside)s and strpos(quoted.text, sought.text) > 0)
                -- A unit of two segments stands there segment by segment.
                or (length(quoted.text) >= %(inside)s and strpos(sought.text, quoted.text) > 0)
        )
        and not exists (
            select
            from tm.evidence as evidence
            join tm.unit as unit on unit.store_id = evidence.store_id and unit.unit_key = evidence.unit_key
            where
                evidence.store_id = %(store_id)s
                and evidence.document_key = sides.document_key
                and evidence.position = (sides.facts ->> 'position')::integer
                and unit.src_text = sides.src_text
                and unit.tgt_text = sides.tgt_text
        ) as is_quoting
    from sides
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
