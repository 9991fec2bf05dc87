-- Purpose:    find stores whose look-up index holds many numbers of texts that have gone.
-- Grain:      one row a store.
-- Reads:      tm.numbering, tm.source, tm.store
-- Parameters: given (bigint), share (double precision)
-- Repeatable: yes; reads only.
-- Returns:    store_id, name, given (numbers given out), dead (of them without a text)
select store.store_id, store.name, numbered.given, numbered.given - held.sources as dead
from (
    select numbering.store_id, sum(numbering.given)::bigint as given
    from tm.numbering as numbering
    group by numbering.store_id
) as numbered
join tm.store as store on store.store_id = numbered.store_id
cross join lateral (
    select count(*) as sources from tm.source as source where source.store_id = numbered.store_id
) as held
where
    numbered.given >= %(given)s
    and numbered.given - held.sources >= %(share)s * numbered.given
order by store.store_id;
