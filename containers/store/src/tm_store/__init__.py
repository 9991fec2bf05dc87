"""The translation memory in Postgres: load, look up, gate, sample, back up."""
