-- Purpose:    the index of look-ups: every distinct source text of the memory in its form, and who holds which gram.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- One row a store and language pair with indexed texts: how many numbers it has given out to texts so far.
create table tm.numbering (
    store_id integer not null,
    src_lang text collate "C" not null,
    tgt_lang text collate "C" not null,
    given bigint not null,
    primary key (store_id, src_lang, tgt_lang)
);

-- One row a distinct source text of a store and language pair, in the form in which texts are compared
-- (tm_core.matching). source_id tells the form's length too (tm_store.lookup_grams).
create table tm.source (
    store_id integer not null,
    src_lang text collate "C" not null,
    tgt_lang text collate "C" not null,
    source_id bigint not null,
    src_hash bytea not null,
    form text not null,
    primary key (store_id, src_lang, tgt_lang, source_id)
) partition by hash (store_id);

-- Which forms of a length class hold a gram: the low halves of their source_ids, four bytes each, little end first, in
-- chunks, so that a load adds to the last one and leaves the others alone. A number whose text has gone from tm.source
-- stays until the store is indexed anew; a look-up finds no text for it.
create table tm.gram (
    store_id integer not null,
    src_lang text collate "C" not null,
    tgt_lang text collate "C" not null,
    gram bigint not null,
    chunk integer not null,
    holders bytea not null,
    primary key (store_id, src_lang, tgt_lang, gram, chunk)
) partition by hash (store_id);

-- Source texts of units that are not indexed yet: look-ups compare them one by one. A load, an import or a release
-- empties this table in its own transaction (tm_store.lookup_index), so it is all but empty.
create table tm.pending (
    store_id integer not null,
    src_lang text collate "C" not null,
    tgt_lang text collate "C" not null,
    src_hash bytea not null,
    src_text text not null,
    primary key (store_id, src_lang, tgt_lang, src_hash)
) partition by hash (store_id);

do $$
declare
    part integer;
begin
    for part in 0..7 loop
        execute format('create table tm.source_p%1$s partition of tm.source for values with (modulus 8, remainder %1$s)', part);
        execute format('create table tm.gram_p%1$s partition of tm.gram for values with (modulus 8, remainder %1$s)', part);
        execute format('create table tm.pending_p%1$s partition of tm.pending for values with (modulus 8, remainder %1$s)', part);
        -- Numbers do not compress; a long chunk lies apart, so that its length can be read without it.
        execute format('alter table tm.gram_p%1$s alter column holders set storage external', part);
    end loop;
end;
$$;

create unique index source_hash on tm.source (store_id, src_lang, tgt_lang, src_hash);

-- Whoever writes units, the index follows in the same transaction: no import can forget it, and no erased text stays.
create function tm.note_added() returns trigger language plpgsql as $$
begin
    insert into tm.pending (store_id, src_lang, tgt_lang, src_hash, src_text)
    select distinct on (added.store_id, added.src_lang, added.tgt_lang, added.src_hash)
        added.store_id, added.src_lang, added.tgt_lang, added.src_hash, added.src_text
    from added
    where
        not exists (
            select
            from tm.source as source
            where
                source.store_id = added.store_id
                and source.src_lang = added.src_lang
                and source.tgt_lang = added.tgt_lang
                and source.src_hash = added.src_hash
        )
    on conflict do nothing;
    return null;
end;
$$;

create function tm.note_removed() returns trigger language plpgsql as $$
begin
    with orphan as materialized (
        select distinct removed.store_id, removed.src_lang, removed.tgt_lang, removed.src_hash
        from removed
        where
            not exists (
                select
                from tm.unit as unit
                where
                    unit.store_id = removed.store_id
                    and unit.src_lang = removed.src_lang
                    and unit.tgt_lang = removed.tgt_lang
                    and unit.src_hash = removed.src_hash
            )
    ),

    unindexed as (
        delete from tm.source as source using orphan
        where
            source.store_id = orphan.store_id
            and source.src_lang = orphan.src_lang
            and source.tgt_lang = orphan.tgt_lang
            and source.src_hash = orphan.src_hash
    )

    delete from tm.pending as pending using orphan
    where
        pending.store_id = orphan.store_id
        and pending.src_lang = orphan.src_lang
        and pending.tgt_lang = orphan.tgt_lang
        and pending.src_hash = orphan.src_hash;
    return null;
end;
$$;

create trigger note_added after insert on tm.unit
referencing new table as added for each statement execute function tm.note_added();

create trigger note_removed after delete on tm.unit
referencing old table as removed for each statement execute function tm.note_removed();

-- The units that were there before this index.
insert into tm.pending (store_id, src_lang, tgt_lang, src_hash, src_text)
select distinct on (unit.store_id, unit.src_lang, unit.tgt_lang, unit.src_hash)
    unit.store_id, unit.src_lang, unit.tgt_lang, unit.src_hash, unit.src_text
from tm.unit as unit;
