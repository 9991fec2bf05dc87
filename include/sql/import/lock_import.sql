-- Purpose:    let the same import run once at a time: the second finds what the first has done.
-- Parameters: batch_id (text)
-- Repeatable: yes; the lock ends with the transaction.
select pg_advisory_xact_lock(7245004, hashtext(%(batch_id)s))::text as locked;
