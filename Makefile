# Each target sets up all that it needs: a virtual environment with the pinned packages of requirements.lock.
.PHONY: help setup test check quickstart lock clean
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
BROWSER := .venv/.browser

help:
	@echo "make quickstart   the whole system on a miniature world (also: ella quickstart --help)"
	@echo "make test         the test suite"
	@echo "make check        the test suite, ruff, mypy --strict, import contracts, start-up time"
	@echo "make lock         resolve the packages anew and write requirements.lock"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or 3.12 found; install one, or say make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# For the tests of the report's page: Chromium, where none is installed. Without it these tests skip, and say so.
$(BROWSER): $(READY) tests/browser/chromium.py
	-$(BIN)/python -m tests.browser.chromium
	@touch $@

quickstart: $(READY)
	$(BIN)/ella quickstart

test: $(READY) $(BROWSER)
	$(BIN)/python -m pytest

check: $(READY) $(BROWSER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.startup
	$(BIN)/python -m pytest

lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --upgrade pip
	.venv-lock/bin/python -m pip install --quiet ".[dev]"
	.venv-lock/bin/python -m pip freeze --all --exclude ella-engine --exclude pip | grep -E '^[A-Za-z0-9._-]+==' > requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv quickstart
