# tm-refinery: `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export TM_HOME ?= $(CURDIR)/.tm

PACKAGES := -e containers/core -e containers/formats -e containers/aligner -e 'containers/store[gate]' -e deploy/embedded -e '.[test]'
INSTALLED := $(VENV)/.installed
SOURCES := $(wildcard pyproject.toml containers/*/pyproject.toml deploy/*/pyproject.toml constraints.txt)

.PHONY: help install demo up down reset test test-full lint format docs constraints

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(INSTALLED) ## Virtual environment and all packages, from constraints.txt
$(INSTALLED): $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit("tm-refinery needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 install") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt $(PACKAGES)
	@touch $@
