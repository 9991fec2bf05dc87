.PHONY: bench-align
bench-align: $(INSTALLED) ## Both aligners: accuracy on gold (TM_TEST_DATA), what scores know, time and memory against growth (SIZES="1500 3000")
	@$(BIN)/python benchmarks/scores.py
	@$(BIN)/python benchmarks/align.py $(SIZES)
