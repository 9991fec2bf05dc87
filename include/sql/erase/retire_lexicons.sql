-- Purpose:    take the lexicons out of use that may have been learned from what is erased: all of a language pair that
--             were learned from units. The next refresh of lexicons learns without it.
-- Reads:      erased
-- Writes:     ops.lexicon
-- Parameters: none
-- Repeatable: yes.
-- Returns:    src_lang, tgt_lang, sha256
update ops.lexicon as lexicon
set state = 'erased', reason = 'learned from texts that were erased'
where
    lexicon.units > 0
    and lexicon.state in ('promoted', 'retired')
    and exists (
        select
        from erased
        where erased.is_taught and erased.src_lang = lexicon.src_lang and erased.tgt_lang = lexicon.tgt_lang
    )
returning lexicon.src_lang, lexicon.tgt_lang, lexicon.sha256;
