-- Purpose:    note that the memory has taken a store's verdicts in.
-- Writes:     review.unsettled
-- Parameters: store (text)
-- Repeatable: yes.
delete from review.unsettled where store = %(store)s;
