.PHONY: bench-backup
UNITS ?= 1000000
bench-backup: $(INSTALLED) ## A backup and its restore beside pg_dump | gzip and gunzip | psql (UNITS=200000)
	$(BIN)/python -u benchmarks/backup.py --units $(UNITS)
