-- Purpose:    record what became of every bead of a batch's open slices: exactly one outcome each
--             (tm_core.outcomes.Outcome). One whose texts people refused is rejected by the rule "reviewed".
-- Grain:      one row of ops.outcome a staged bead.
-- Reads:      staging.bead, ops.slice, buried, fresh, refused, incoming, touched, tm.unit
-- Writes:     ops.outcome
-- Parameters: batch_id (text), day (date), generation (bigint)
-- Repeatable: no; ops/delete_outcomes comes first, in the same transaction.
insert into ops.outcome (partition_date, batch_id, document_key, position, outcome, rule, unit_key)
select
    %(day)s,
    bead.batch_id,
    bead.document_key,
    bead.position,
    case
        when buried.position is not null then 'tombstoned'
        when bead.rule <> '' then 'rejected'
        when slice.verdict = 'hold' then 'held'
        when slice.verdict = 'quarantine' then 'quarantined'
        when slice.verdict = 'discard' then 'discarded'
        when fresh.is_stale then 'superseded'
        when refused.position is not null then 'rejected'
        when incoming.rank_in_batch > 1 then 'duplicate'
        when incoming.unit_key is null then 'lost'
        when touched.old_tier is null then 'new'
        -- Asked of old units alone, by their keys.
        when (
            select (unit.tier, unit.score) is distinct from (touched.old_tier, touched.old_score)
            from tm.unit as unit
            where unit.store_id = touched.store_id and unit.unit_key = touched.unit_key
        ) then 'updated'
        else 'unchanged'
    end,
    case when refused.position is not null and buried.position is null then 'reviewed' else bead.rule end,
    bead.unit_key
from staging.bead as bead
-- Every bead has a slice. Of an inner join, and of a bare comparison with the slice's generation, the planner, which has
-- not seen the batch's slices, would expect a row or two, and then look for each of a million beads through tables
-- without an index. What coalesce hides from it, it takes for every second row.
left join ops.slice as slice using (batch_id, store, src_lang, tgt_lang)
left join buried on buried.document_key = bead.document_key and buried.position = bead.position
left join fresh on fresh.document_key = bead.document_key
left join refused on refused.document_key = bead.document_key and refused.position = bead.position
left join incoming
    on
        incoming.store_id = fresh.store_id
        and incoming.unit_key = bead.unit_key
        and incoming.document_key = bead.document_key
        and incoming.position = bead.position
left join touched on touched.store_id = incoming.store_id and touched.unit_key = incoming.unit_key
where bead.batch_id = %(batch_id)s and coalesce(slice.generation <> %(generation)s, true)
-- In the order of the key: a million rows in another would each meet another page of its index.
order by bead.document_key, bead.position;
