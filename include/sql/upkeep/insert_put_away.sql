-- Purpose:    record that a month of the books is in object storage.
-- Writes:     ops.put_away
-- Parameters: path (text), table_name (text), month (date), rows (bigint), sha256 (text)
-- Repeatable: no; in the transaction that drops the table.
insert into ops.put_away (path, table_name, month, rows, sha256)
values (%(path)s, %(table_name)s, %(month)s, %(rows)s, %(sha256)s);
