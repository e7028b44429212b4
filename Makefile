# Two commands for users: make demo, make test. Both set up .venv first; the stamp is named after what the set-up depends on.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?= $(BIN)/python -m pytest
WORKERS ?= 2
FAMILY ?=
DEVICE ?=
THREADS ?=
GATE ?=
DEMO := sample_models/lending

STAMP := .venv.stamp-$(shell cat pyproject.toml constraints.txt | cksum | tr ' ' '-')

# Idle threads of OpenMP and OpenBLAS must not spin, model files must not run code, and pictures need no display.
export OMP_WAIT_POLICY := PASSIVE
export OPENBLAS_THREAD_TIMEOUT := 10
export TORCH_FORCE_WEIGHTS_ONLY_LOAD := 1
export MPLBACKEND := Agg
export RAY_USAGE_STATS_ENABLED := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help setup demo test test-fast check format bench clean

help:
	@echo "make demo       set up, train nothing, audit the lending network and say where the report is"
	@echo "make test       set up and run every test"
	@echo "make test-fast  the tests that need neither minutes nor a browser"
	@echo "make check      lint, format, types and import floors"
	@echo "make bench      benchmarks; FAMILY=… and DEVICE=… narrow them, THREADS=1 gives both sides one core, GATE=1 fails behind a gate"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) was not found; install Python 3.11 or later, or name one: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $$($(PYTHON) --version) is too old; Python 3.11 or later is needed: make PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "error: this Python has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,dashboard,dev]' < /dev/null
	rm -f .venv.stamp-*
	touch $@

# A limit outside is a result (exit 1), not a failure of the demonstration; 2 and 3 are.
demo: $(STAMP)
	$(BIN)/python -m $(subst /,.,$(DEMO)).prepare
	code=0; $(BIN)/python -m audit run $(DEMO)/audit.toml --code . || code=$$?; test $$code -le 1
	@report=$$(ls -td runs/*.docs/report.html 2>/dev/null | head -n 1); test -n "$$report"; echo "Dashboard: $(BIN)/netassay dashboard"; echo "Report: $$PWD/$$report"

test: $(STAMP)
	$(PYTEST) -n $(WORKERS) --dist loadfile < /dev/null

test-fast: $(STAMP)
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "not slow and not browser" < /dev/null

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks $(if $(FAMILY),--family $(FAMILY)) $(if $(DEVICE),--device $(DEVICE)) $(if $(THREADS),--threads $(THREADS)) $(if $(GATE),--gate)

clean:
	rm -rf $(VENV) .venv.stamp-* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
