-- Purpose:    accept the slices of an import: a person looked at the preview, no gate does.
-- Writes:     ops.slice
-- Parameters: batch_id (text)
-- Repeatable: yes.
update ops.slice set verdict = 'accept' where batch_id = %(batch_id)s;
