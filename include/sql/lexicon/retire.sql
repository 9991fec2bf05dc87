-- Purpose:    take the promoted lexicon of a language pair out of use; it is kept to go back to.
-- Writes:     ops.lexicon
-- Parameters: src_lang (text), tgt_lang (text), sha256 (text)
-- Repeatable: yes; the lexicon of this hash stays as it is.
update ops.lexicon
set state = 'retired'
where src_lang = %(src_lang)s and tgt_lang = %(tgt_lang)s and state = 'promoted' and sha256 <> %(sha256)s;
