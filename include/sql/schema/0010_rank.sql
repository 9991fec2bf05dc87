-- Purpose:    find the units of a source text target by target, however many units say the same; keep evidence by unit;
--             queue the texts of new units row by row, unless the writer says that they are indexed.
-- Applied by: tm migrate, in one transaction; never changed once released.

-- "OK" is said by thousands of units of a large memory: a look-up steps from target to target, best standing first, and
-- from a target's units takes the first. Takes the place of unit_src. The hash stands first because it alone tells most
-- texts apart: new rows are placed, and a whole index is sorted, by one comparison instead of four.
create index unit_rank on tm.unit (
    src_hash, store_id, src_lang, tgt_lang, (review_state = 'unreviewed'), (tier <> 'imported'), tgt_hash,
    score desc, partition_date desc, unit_key
);
drop index tm.unit_src;

-- Units come in the order of their keys, and so does their evidence: its key begins as theirs does, and new rows meet the
-- same pages one after another. What a document says is found by the second index, where a document stands once with
-- many places. It took a third off the CPU time of 100,000 rows of evidence.
alter table tm.extra drop constraint extra_store_id_document_key_unit_key_fkey;
alter table tm.evidence drop constraint evidence_pkey;
drop index tm.evidence_unit;
alter table tm.evidence add primary key (store_id, unit_key, document_key);
create index evidence_document on tm.evidence (store_id, document_key);
alter table tm.extra
    add foreign key (store_id, document_key, unit_key)
    references tm.evidence (store_id, document_key, unit_key) on delete cascade;

-- A merge has indexed its texts before it writes their units, and says so by tm.indexed. Of a trigger on the statement it
-- would be handed a copy of all its rows all the same: a quarter of the time that writing a million units takes.
drop trigger note_added on tm.unit;

create or replace function tm.note_added() returns trigger language plpgsql as $$
begin
    insert into tm.pending (store_id, src_lang, tgt_lang, src_hash, src_text)
    select new.store_id, new.src_lang, new.tgt_lang, new.src_hash, new.src_text
    where
        not exists (
            select
            from tm.source as source
            where
                source.store_id = new.store_id
                and source.src_lang = new.src_lang
                and source.tgt_lang = new.tgt_lang
                and source.src_hash = new.src_hash
        )
    on conflict do nothing;
    return null;
end;
$$;

create trigger note_added after insert on tm.unit
for each row when (current_setting('tm.indexed', true) is distinct from 'yes') execute function tm.note_added();
