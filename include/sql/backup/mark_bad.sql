-- Purpose:    record that a drill found a backup bad, or good after all.
-- Writes:     ops.backup
-- Parameters: uri (text), problem (text, empty: it is good)
-- Repeatable: yes; a second run changes no row.
update ops.backup
set state = case when %(problem)s = '' then 'good' else 'bad' end, problem = %(problem)s
where uri = %(uri)s and state <> 'deleted' and problem is distinct from %(problem)s;
