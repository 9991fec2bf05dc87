.PHONY: soak-readers
soak-readers: $(INSTALLED) ## Damaged files of every format: COUNT of them (20000), made from SEED (1)
	TM_TEST_COUNT=$(or $(COUNT),20000) TM_TEST_SEED=$(or $(SEED),1) \
	$(BIN)/python -m pytest -o timeout=0 tests/formats/test_mutations.py tests/store/test_bad_files.py
