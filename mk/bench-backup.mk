.PHONY: bench-backup
UNITS ?= 1000000
GROWTH ?= 10000,100000
bench-backup: $(INSTALLED) ## A backup and its restore beside pg_dump | gzip and gunzip | psql, and how they grow (GROWTH=10000,20000 UNITS=40000)
	$(BIN)/python -u benchmarks/backup.py --sizes $(GROWTH),$(UNITS)
