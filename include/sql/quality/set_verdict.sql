-- Purpose:    give one slice its verdict; the load does what it says.
-- Writes:     ops.slice
-- Parameters: batch_id (text), store (text), src_lang (text), tgt_lang (text), verdict (text)
-- Repeatable: yes; a second run changes no row.
update ops.slice
set verdict = %(verdict)s
where
    batch_id = %(batch_id)s and store = %(store)s and src_lang = %(src_lang)s and tgt_lang = %(tgt_lang)s
    and verdict is distinct from %(verdict)s;
