.PHONY: bench-tm bench-tm-load bench-tm-lookup bench-tm-slice
UNITS ?= 1000000
bench-tm: bench-tm-load bench-tm-lookup bench-tm-slice ## The memory at a million units (UNITS=5000000): load, look-up, recall against a scan, growth
bench-tm-load: $(INSTALLED)
	$(BIN)/python -u benchmarks/tm_load.py --units $(UNITS)
bench-tm-lookup: $(INSTALLED)
	$(BIN)/python -u benchmarks/tm_lookup.py --units $(UNITS)
bench-tm-slice: $(INSTALLED)
	$(BIN)/python -u benchmarks/tm_lookup.py --units $(UNITS) --small 0 --one-slice
