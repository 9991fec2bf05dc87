-- Purpose:    let the sorts and hash tables of this transaction's statements take more memory: those of a million beads
--             go to disk otherwise; and plan what is streamed as what is read to its end.
-- Parameters: none
-- Repeatable: yes; ends with the transaction.
set local work_mem = '128MB';
set local cursor_tuple_fraction = 1;
