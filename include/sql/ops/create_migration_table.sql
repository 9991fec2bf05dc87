-- Purpose:    make the table that says which migrations a database has.
-- Writes:     ops.migration
-- Parameters: none
-- Repeatable: yes.
create schema if not exists ops;
create table if not exists ops.migration (
    number integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
);
