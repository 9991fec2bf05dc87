-- Purpose:    take out of what files say beside other units the properties that quote an erased text: tools write the
--             segments before and after a unit there.
-- Reads:      sought
-- Writes:     tm.extra, tm.withdrawn
-- Parameters: store_id (integer)
-- Repeatable: yes.
-- Returns:    rows
with extras as (
    update tm.extra as extra
    set facts = jsonb_set(
        extra.facts,
        '{properties}',
        coalesce(
            (
                select jsonb_object_agg(property.key, property.value)
                from jsonb_each(extra.facts -> 'properties') as property
                where
                    not exists (
                        select
                        from sought
                        where
                            sought.text = regexp_replace(property.value #>> '{}', '</?seg>', '', 'g')
                            or (sought.is_asked and strpos(property.value #>> '{}', sought.text) > 0)
                    )
            ),
            '{}'
        )
    )
    where
        extra.store_id = %(store_id)s
        and exists (
            select
            from jsonb_each(extra.facts -> 'properties') as property
            join sought
                on sought.text = regexp_replace(property.value #>> '{}', '</?seg>', '', 'g')
                or (sought.is_asked and strpos(property.value #>> '{}', sought.text) > 0)
        )
    returning 1
),

versions as (
    update tm.withdrawn as withdrawn
    set facts = jsonb_set(
        withdrawn.facts,
        '{properties}',
        coalesce(
            (
                select jsonb_object_agg(property.key, property.value)
                from jsonb_each(withdrawn.facts -> 'properties') as property
                where
                    not exists (
                        select
                        from sought
                        where
                            sought.text = regexp_replace(property.value #>> '{}', '</?seg>', '', 'g')
                            or (sought.is_asked and strpos(property.value #>> '{}', sought.text) > 0)
                    )
            ),
            '{}'
        )
    )
    where
        withdrawn.store_id = %(store_id)s
        and withdrawn.facts is not null
        and exists (
            select
            from jsonb_each(withdrawn.facts -> 'properties') as property
            join sought
                on sought.text = regexp_replace(property.value #>> '{}', '</?seg>', '', 'g')
                or (sought.is_asked and strpos(property.value #>> '{}', sought.text) > 0)
        )
    returning 1
)

select (select count(*) from extras) + (select count(*) from versions) as rows;
