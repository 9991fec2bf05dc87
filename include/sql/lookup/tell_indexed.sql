-- Purpose:    say whether the texts of the units that this transaction writes next are in the index of look-ups: then the
--             trigger on tm.unit queues none of them.
-- Parameters: told (text): yes, or nothing
-- Repeatable: yes; ends with the transaction.
select set_config('tm.indexed', %(told)s, true);
