.PHONY: bench-pods
bench-pods: $(INSTALLED) ## A batch of no-op documents in pods against processes (TM_TEST_KUBECONFIG, SHARDS=8)
	@$(BIN)/python -W ignore benchmarks/pods.py
