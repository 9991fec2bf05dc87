-- Purpose:    imports as batches of their own, what imported files say beside the texts, and the journal.
-- Applied by: tm migrate, in one transaction; never changed once released: the next change is 0004.

-- A date's current batch is the newest of its refreshes: an import of the same day is not what a plan looks for.
alter table ops.batch add column kind text not null default 'refresh' check (kind in ('refresh', 'import'));

-- What an imported file says of a unit beside its normalised texts: texts as written, inline tags, key, properties,
-- dates. Only rows that say something. It goes with the evidence, whatever removes that: load, erasure, roll-back.
create table tm.extra (
    store_id integer not null,
    document_key bytea not null,
    unit_key bytea not null,
    facts jsonb not null,
    primary key (store_id, document_key, unit_key),
    foreign key (store_id, document_key, unit_key) references tm.evidence on delete cascade
) partition by hash (store_id);

do $$
declare
    part integer;
begin
    for part in 0..7 loop
        execute format('create table tm.extra_p%1$s partition of tm.extra for values with (modulus 8, remainder %1$s)', part);
    end loop;
end;
$$;

-- What changed the memory outside a refresh, in the transaction that changed it; shipped to object storage afterwards, so
-- that a restore can replay it. facts holds what a replay needs, and no text of a segment.
create table ops.journal (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    kind text not null,
    who text not null,
    store text not null,
    facts jsonb not null,
    uri text not null default '',
    shipped_at timestamptz
);

create index journal_unshipped on ops.journal (id) where shipped_at is null;
