-- Purpose:    leave the alarms where a monitor reads them: what stands now, and since when.
-- Grain:      one row an alarm; one that is over goes.
-- Writes:     ops.alarm
-- Parameters: names (text[]), founds (text[])
-- Repeatable: yes; only checked_at moves.
with over as (
    delete from ops.alarm where name <> all(%(names)s::text[])
)

insert into ops.alarm (name, found)
select raised.name, raised.found
from unnest(%(names)s::text[], %(founds)s::text[]) as raised (name, found)
on conflict (name) do update set found = excluded.found, checked_at = now();
