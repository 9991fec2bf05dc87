.PHONY: soak-restore
COUNT ?= 200
SEED ?= 1
LOAD ?= 8
soak-restore: $(INSTALLED) ## Restores under load, each compared with its source: none may be refused (COUNT=20 SEED=2 LOAD=8)
	$(BIN)/python -u benchmarks/soak_restore.py --count $(COUNT) --seed $(SEED) --load $(LOAD)
