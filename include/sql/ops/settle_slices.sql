-- Purpose:    write into each open slice what became of its beads, and that this generation has settled it.
-- Reads:      ops.outcome, ops.document
-- Writes:     ops.slice
-- Parameters: batch_id (text), day (date), generation (bigint)
-- Repeatable: yes.
with by_document as materialized (
    -- First by document, then by slice: joining every bead to its document costs minutes on a batch of a million.
    select outcome.document_key, outcome.outcome, count(*) as beads
    from ops.outcome as outcome
    where outcome.partition_date = %(day)s and outcome.batch_id = %(batch_id)s
    group by outcome.document_key, outcome.outcome
),

counted as (
    select document.store, document.src_lang, document.tgt_lang, by_document.outcome, sum(by_document.beads) as beads
    from by_document
    cross join lateral (
        -- By its whole key, one document at a time: the planner, who knows nothing yet of the batch's rows, would read
        -- all documents of the batch for each.
        select document.store, document.src_lang, document.tgt_lang
        from ops.document as document
        where
            document.partition_date = %(day)s
            and document.batch_id = %(batch_id)s
            and document.document_key = by_document.document_key
        offset 0
    ) as document
    group by document.store, document.src_lang, document.tgt_lang, by_document.outcome
),

summed as materialized (
    select counted.store, counted.src_lang, counted.tgt_lang, jsonb_object_agg(counted.outcome, counted.beads) as outcomes
    from counted
    group by counted.store, counted.src_lang, counted.tgt_lang
)

update ops.slice as slice
set
    outcomes = coalesce(
        (
            select summed.outcomes
            from summed
            where summed.store = slice.store and summed.src_lang = slice.src_lang and summed.tgt_lang = slice.tgt_lang
        ),
        '{}'::jsonb
    ),
    generation = %(generation)s,
    settled_at = now()
where slice.batch_id = %(batch_id)s and slice.generation is distinct from %(generation)s;
