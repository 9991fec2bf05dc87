-- Purpose:    who answered what a DAG asked; and how rows leave the tables to which a loader may only add.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- One row an answer that the API server let through, written before Airflow takes it: who, under which right, to which
-- question. A task that acts on an answer looks here for it, because a task's result can be written by others too.
-- Backed up; a restore brings back what the backup held. It holds names of people and of tasks, no text of a segment.
create table ops.approval (
    approval_id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    dag_id text not null,
    run_id text not null,
    task_id text not null,
    map_index integer not null,
    who_id text not null,
    who_name text not null,
    -- Who started the run, "" where no person did.
    asked_by text not null,
    options text[] not null
);

create index approval_question on ops.approval (dag_id, run_id, task_id);

-- Erase the texts of corrections: rows of the named pairs of texts and units leave review.change. A loader may not delete
-- there, and what it removes with this needs the journal entry of an erasure in the same transaction (see below).
create function review.forget_changes(
    of_store text, src_langs text[], tgt_langs text[], src_hashes bytea[], tgt_hashes bytea[], unit_keys bytea[]
) returns bigint language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
    gone bigint;
begin
    if not exists (select from tm.store where name = of_store) then
        raise exception 'review.forget_changes: expected a store of the memory, found "%"; nothing was removed', of_store
            using errcode = 'invalid_parameter_value';
    end if;
    with pair as (
        select * from unnest(src_langs, tgt_langs, src_hashes, tgt_hashes) as pair (src_lang, tgt_lang, src_hash, tgt_hash)
    )
    delete from review.change as change
    where
        change.store = of_store
        and (
            change.unit_key = any(unit_keys) and change.unit_key <> ''
            or exists (
                select
                from pair
                where
                    pair.src_lang = change.src_lang
                    and pair.tgt_lang = change.tgt_lang
                    and pair.src_hash = change.src_hash
                    and pair.tgt_hash in ('', change.tgt_hash)
            )
        );
    get diagnostics gone = row_count;
    return gone;
end;
$$;

-- Empty reviewers' notes on texts that are erased; the verdicts stay.
create function review.forget_notes(of_store text, verdict_keys bytea[]) returns bigint language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
    emptied bigint;
begin
    update review.verdict as verdict
    set note = ''
    where verdict.store = of_store and verdict.verdict_key = any(verdict_keys) and verdict.note <> '';
    get diagnostics emptied = row_count;
    return emptied;
end;
$$;

-- Checked when the transaction ends, because an erasure writes its journal entry last. The owner is not checked: a restore
-- replays an erasure whose entry it has already.
create function review.check_forgotten() returns trigger language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
begin
    if
        not pg_has_role(session_user, (select relowner from pg_class where oid = 'review.change'::regclass), 'member')
        and not exists (
            select
            from ops.journal
            where kind = 'erase' and store = old.store and at = transaction_timestamp()
        )
    then
        raise exception 'review.%: a row of store "%" was erased without the journal entry of an erasure', tg_table_name, old.store
            using errcode = 'insufficient_privilege', hint = 'Use tm erase. Nothing was removed.';
    end if;
    return null;
end;
$$;

create constraint trigger check_forgotten after delete on review.change
deferrable initially deferred for each row execute function review.check_forgotten();

create constraint trigger check_forgotten after update of note on review.verdict
deferrable initially deferred for each row execute function review.check_forgotten();

-- Take away the standing decisions of a batch that is planned again. What the history does not hold goes into it first, so
-- nothing is lost.
create function quality.forget_decisions(of_batch text) returns bigint language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
    gone bigint;
begin
    insert into quality.decision_history (
        at, batch_id, partition_date, store, src_lang, tgt_lang, content, verdict, reasons, warnings, decided_by,
        by_person, why
    )
    select
        decision.decided_at, decision.batch_id, batch.partition_date, decision.store, decision.src_lang, decision.tgt_lang,
        decision.content, decision.verdict, decision.reasons, decision.warnings, decision.decided_by, false, decision.why
    from quality.decision as decision
    join ops.batch as batch using (batch_id)
    where
        decision.batch_id = of_batch
        and not exists (
            select
            from quality.decision_history as known
            where
                known.batch_id = decision.batch_id
                and (known.store, known.src_lang, known.tgt_lang)
                = (decision.store, decision.src_lang, decision.tgt_lang)
                and (known.content, known.verdict, known.decided_by, known.why)
                = (decision.content, decision.verdict, decision.decided_by, decision.why)
        );
    delete from quality.decision where batch_id = of_batch;
    get diagnostics gone = row_count;
    return gone;
end;
$$;

revoke execute on function
    review.forget_changes(text, text[], text[], bytea[], bytea[], bytea[]),
    review.forget_notes(text, bytea[]),
    review.check_forgotten(),
    quality.forget_decisions(text)
from public;
