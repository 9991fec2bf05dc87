-- Purpose:    find the units of a source text target by target, however many units say the same; keep evidence by unit.
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
