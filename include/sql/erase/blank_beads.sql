-- Purpose:    take the texts out of the staged beads that an erasure names. The rows stay, so that the sums of a batch
--             under way close; its load counts them as tombstoned.
-- Reads:      grave, erased_pair
-- Writes:     staging.bead
-- Parameters: store (text)
-- Repeatable: yes; a bead without texts stays as it is.
-- Returns:    beads
with blanked as (
    update staging.bead as bead
    set src_text = '', tgt_text = '', rule = 'erased'
    where
        bead.store = %(store)s
        and (bead.src_text <> '' or bead.tgt_text <> '')
        and (
            bead.document_key in (select grave.document_key from grave where grave.document_key <> '')
            or exists (
                select
                from erased_pair as pair
                where
                    pair.src_lang = bead.src_lang
                    and pair.tgt_lang = bead.tgt_lang
                    and pair.src_hash = bead.src_hash
                    and pair.tgt_hash in ('', bead.tgt_hash)
            )
        )
    returning 1
)

select count(*) as beads from blanked;
