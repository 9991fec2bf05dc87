-- Purpose:    remove what an earlier try wrote about a batch, before it is planned again.
-- Writes:     ops.file, ops.document, ops.outcome, ops.shard_run, ops.step, ops.slice, quality.*, review.item, staging.bead
-- Parameters: batch_id (text), day (date)
-- Repeatable: yes.
-- Returns:    decisions (that stood)
with
gone_files as (delete from ops.file where partition_date = %(day)s and batch_id = %(batch_id)s),
gone_documents as (delete from ops.document where partition_date = %(day)s and batch_id = %(batch_id)s),
gone_outcomes as (delete from ops.outcome where partition_date = %(day)s and batch_id = %(batch_id)s),
gone_runs as (delete from ops.shard_run where partition_date = %(day)s and batch_id = %(batch_id)s),
gone_steps as (delete from ops.step where batch_id = %(batch_id)s),
gone_metrics as (delete from quality.metric where batch_id = %(batch_id)s),
gone_checks as (delete from quality.check_result where batch_id = %(batch_id)s),
gone_items as (delete from review.item where batch_id = %(batch_id)s and state = 'open'),
gone_beads as (delete from staging.bead where batch_id = %(batch_id)s),
gone_slices as (delete from ops.slice where batch_id = %(batch_id)s)
select quality.forget_decisions(%(batch_id)s) as decisions;
