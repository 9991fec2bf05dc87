-- Purpose:    the history of every verdict, and who released or discarded a slice.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- A person may throw a slice away; the gate never does.
alter table ops.slice drop constraint slice_verdict_check;
alter table ops.slice add constraint slice_verdict_check check (verdict in ('accept', 'hold', 'quarantine', 'discard'));

-- The decision that stands. content: fingerprint of the beads and documents it was made on. releasable: false where the
-- numbers cannot be right, so that no person may let the slice in. why: what the person said.
alter table quality.decision add column content text not null default '';
alter table quality.decision add column releasable boolean not null default true;
alter table quality.decision add column why text not null default '';

-- Every decision in order, by the gate, a person or a time-out; nothing removes a row. A person's latest decision on a
-- date's slice stands for as long as the slice's content is the same, whatever the gate says when it runs again.
create table quality.decision_history (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    batch_id text not null,
    partition_date date not null,
    store text not null,
    src_lang text not null,
    tgt_lang text not null,
    content text not null,
    verdict text not null,
    reasons text[] not null,
    warnings text[] not null,
    decided_by text not null,
    by_person boolean not null,
    why text not null
);

create index decision_history_slice on quality.decision_history (store, src_lang, tgt_lang, partition_date, id);

-- Whether a person may let a slice in that breaks the promise.
alter table quality.check_result add column releasable boolean not null default true;
