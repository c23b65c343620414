# What people do with this repository. Everything runs from .venv; nothing else is installed.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
ROOTS := contracts chassis services deploy tests docs/examples
FAST := not slow and not proof
# One more than two cores: tests also wait, for others to start and for messages to come back. Browsers wait for nothing else.
WORKERS ?= 3
BROWSERS ?= 2
IMAGES := $(filter-out dev runtime service,$(basename $(notdir $(wildcard requirements/*.in))))
PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

# A stack is eight processes: each would compile all of Coffer anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-dev run test check static lint types fast-tests format bench screenshots proof docs pins

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-11s %s\n", $$1, $$2}'

setup: .venv/.runtime ## Make .venv with what Coffer needs to run

setup-dev: .venv/.dev

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Coffer needs Python 3.11 or later: install it, or say which to use with make PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: install the package python3-venv." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/bin/python requirements/runtime.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

run: setup ## Start Coffer on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m coffer_local

test: setup-dev ## Every test but the long ones of `proof`
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not proof" --ignore tests/web; failed=$$?; \
	$(BIN)/python -m pytest -n $(BROWSERS) --dist loadfile -m "not proof" tests/web && exit $$failed

check: setup-dev lint ## Format, lint, types, imports, docs and the fast tests
	@$(MAKE) --no-print-directory --jobs 2 types fast-tests

static: setup-dev lint types ## The same without tests, which all run in `test`

lint:
	$(BIN)/ruff format --check --quiet $(ROOTS) && $(BIN)/ruff check --quiet $(ROOTS)

types: # beside the tests: alone it would leave all cores but one idle
	$(BIN)/mypy && $(BIN)/lint-imports --no-logo

fast-tests:
	MAKEFLAGS= $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "$(FAST)"

format: setup-dev ## Put the code into the house's format
	$(BIN)/ruff format --quiet $(ROOTS)
	$(BIN)/ruff check --quiet --fix $(ROOTS)

bench: setup-dev ## Measure, beside reference runs; writes docs/benchmarks.md
	@exec $(BIN)/python tests/bench/run.py

screenshots: setup-dev ## Take pictures of the web app, to be looked at
	@exec $(BIN)/python tests/web/screenshots.py

proof: setup-dev ## Chaos, soak and fuzz: long
	$(BIN)/python -m pytest -m proof --timeout 3000

docs: setup-dev ## Write the generated pages
	$(BIN)/python -m coffer_local.docs

pins: ## Pin requirements anew (needs uv); what several sets hold has one version
	$(PIN) requirements/runtime.in -o requirements/runtime.txt
	for set in dev service $(IMAGES); do $(PIN) -c requirements/runtime.txt requirements/$$set.in -o requirements/$$set.txt; done
