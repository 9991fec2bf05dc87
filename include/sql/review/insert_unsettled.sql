-- Purpose:    note that the memory has to take a verdict in.
-- Writes:     review.unsettled
-- Parameters: verdict_key (bytea), store (text)
-- Repeatable: yes.
insert into review.unsettled (verdict_key, store) values (%(verdict_key)s, %(store)s)
on conflict (verdict_key) do nothing;
