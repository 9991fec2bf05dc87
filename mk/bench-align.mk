.PHONY: bench-align
bench-align: $(INSTALLED) ## Both aligners: accuracy on gold (TM_TEST_DATA), time and memory against growth (SIZES="1500 3000")
	@$(BIN)/python benchmarks/align.py $(SIZES)
