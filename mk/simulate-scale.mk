.PHONY: simulate-scale
simulate-scale: $(INSTALLED) ## Nights of 1,000 to 10 million documents on a cluster that scales: time, cost, what breaks
	$(BIN)/python benchmarks/scale.py
