.PHONY: bench-segment
bench-segment: $(INSTALLED) ## Sentence splitters against gold and hard cases
	$(BIN)/python benchmarks/segment.py $(GOLD)
