-- Purpose:    let the sorts and hash tables of this transaction's statements take more memory: those of a million beads
--             go to disk otherwise.
-- Parameters: none
-- Repeatable: yes; ends with the transaction.
set local work_mem = '128MB';
