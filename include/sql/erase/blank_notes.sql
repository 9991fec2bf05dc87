-- Purpose:    empty reviewers' notes on texts that are erased, and notes in which words stand that a person asked for.
-- Reads:      grave, erased, erased_pair, sought, review.change
-- Writes:     review.verdict
-- Parameters: store (text)
-- Repeatable: yes; before the changes of these verdicts are deleted.
-- Returns:    rows
with noted as (
    select verdict.verdict_key
    from review.verdict as verdict
    where
        verdict.store = %(store)s
        and verdict.note <> ''
        and (
            verdict.document_key in (select grave.document_key from grave where grave.document_key <> '')
            or verdict.unit_key in (select erased.unit_key from erased)
            or exists (
                select
                from review.change as change
                join erased_pair as pair
                    on pair.src_lang = change.src_lang
                    and pair.tgt_lang = change.tgt_lang
                    and pair.src_hash = change.src_hash
                    and pair.tgt_hash in ('', change.tgt_hash)
                where change.verdict_key = verdict.verdict_key
            )
            or exists (select from sought where sought.is_asked and strpos(verdict.note, sought.text) > 0)
        )
)

-- A loader may only add rows there: a function of the owner does it.
select review.forget_notes(%(store)s, array(select noted.verdict_key from noted)) as rows;
