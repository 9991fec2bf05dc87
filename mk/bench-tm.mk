.PHONY: bench-tm bench-tm-lookup
bench-tm: bench-tm-lookup ## The memory at a million units (UNITS=5000000): look-up speed, recall against a scan, growth
bench-tm-lookup: $(INSTALLED)
	$(BIN)/python benchmarks/tm_lookup.py --units $(or $(UNITS),1000000)
