# The embedded stack: Postgres and Airflow as child processes, data under TM_HOME (default .tm).
# DATE is the partition date of the demo; without it the samples' first.

.PHONY: demo up down reset status bench-idle

demo: $(INSTALLED) ## One night's refresh of the sample documents, with a report (DATE=2026-01-06 for the next)
	@$(BIN)/tm-embedded demo $(if $(DATE),--date $(DATE))

up: $(INSTALLED) ## Start the stack in the background; prints the UI's address and login
	@$(BIN)/tm-embedded up

down: $(INSTALLED) ## Stop the stack
	@$(BIN)/tm-embedded down

status: $(INSTALLED) ## What runs, with ports
	@$(BIN)/tm-embedded status || test $$? -eq 3

reset: $(INSTALLED) ## Stop the stack and remove its databases, storage and logs
	@$(BIN)/tm-embedded reset

bench-idle: $(INSTALLED) ## CPU of an idle stack, and how soon a triggered run starts (SECONDS_IDLE=60 RUNS=5)
	@$(BIN)/python -u benchmarks/idle.py
