-- Purpose:    where the books of a month lie that have been put away for their age; of all months if none is named.
-- Reads:      ops.put_away
-- Parameters: month (date)
-- Repeatable: yes; reads only.
-- Returns:    month, table_name, path, rows, put_away_at; newest first
select month, table_name, path, rows, put_away_at
from ops.put_away
where %(month)s::date is null or month = date_trunc('month', %(month)s::date)::date
order by month desc, table_name, put_away_at;
