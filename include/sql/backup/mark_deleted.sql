-- Purpose:    record that retention deletes a backup.
-- Writes:     ops.backup
-- Parameters: uri (text)
-- Repeatable: yes; a second run changes no row.
update ops.backup set state = 'deleted' where uri = %(uri)s and state <> 'deleted';
