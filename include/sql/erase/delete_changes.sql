-- Purpose:    remove what corrections said of texts that are erased. A loader may only add rows there: a function of the
--             owner does it (include/sql/schema/0011_rights.sql).
-- Reads:      erased, erased_pair
-- Writes:     review.change
-- Parameters: store (text)
-- Repeatable: yes; a second run removes nothing.
-- Returns:    rows
select
    review.forget_changes(
        %(store)s,
        array(select pair.src_lang from erased_pair as pair order by pair),
        array(select pair.tgt_lang from erased_pair as pair order by pair),
        array(select pair.src_hash from erased_pair as pair order by pair),
        array(select pair.tgt_hash from erased_pair as pair order by pair),
        array(select erased.unit_key from erased)
    ) as rows;
