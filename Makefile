# tm-refinery: `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export TM_HOME ?= $(CURDIR)/.tm

PACKAGES := -e containers/core -e containers/formats -e containers/aligner -e 'containers/store[age,gate]' -e deploy/embedded -e '.[test]'
INSTALLED := $(VENV)/.installed
# The aligner's kernels are compiled once, 15 CPU-seconds: now, not in the tasks of the first night.
WARM_UP := $(BIN)/tm-align align --src-lang en --tgt-lang de --encoder lexicon --hint $(addprefix include/samples/gold/seven-minutes.,en.sent de.sent)
SOURCES := $(wildcard pyproject.toml containers/*/pyproject.toml deploy/*/pyproject.toml requirements.txt)

.PHONY: help install test test-full lint format docs constraints

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# What others made comes first, with the hashes of requirements.txt; then our packages, which fetch nothing.
install: $(INSTALLED) ## Virtual environment and all packages, from requirements.txt with hashes
$(INSTALLED): $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit("tm-refinery needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 install") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation $(PACKAGES)
	@$(WARM_UP) > /dev/null
	@touch $@

# Two at work, each with a Postgres of its own; a file's tests stay together. TESTERS= runs them one after the other.
TESTERS ?= -n 2 --dist loadfile

# Tests of make test: all but the slow ones, the cluster's, the browser's, and those on data that is not here.
test: $(INSTALLED) lint ## Lint, types and tests: under 10 minutes on 2 cores
	$(BIN)/python -m pytest $(TESTERS) -m 'not slow and not cluster and not browser'

test-full: $(INSTALLED) lint ## Everything: fault matrices, cluster, browser, real data (TM_TEST_DATA)
	$(BIN)/python -m pytest $(TESTERS) -m 'not cluster'
	$(BIN)/python -m pytest -m cluster

lint: $(INSTALLED) ## ruff and mypy; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p tm_core -p tm_formats -p tm_align -p tm_store -p tm_embedded -p operators -p tm_review

format: $(INSTALLED) ## Format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED) ## Write the generated pages of docs/
	$(BIN)/python docs/generate.py

constraints: $(INSTALLED) ## Pin what is installed now into constraints.txt
	@{ sed -n '1p' constraints.txt; $(BIN)/uv pip freeze --quiet --python $(BIN)/python --exclude-editable | grep '=='; } > constraints.new
	@mv constraints.new constraints.txt

include $(wildcard mk/*.mk)
