# make up    everything on this machine, from nothing to running tenants
# make test  all tests, also as the first command ever
# make test-volume  the tests that have a volume, at their full one
# make test-mail  2,000 hostile mails, without the engine and the local cloud: for another Python, make test-mail PYTHON=python3.13
# make down  ends the local cloud; its data stay
# make bench the speed figures of docs/performance.md
# make lint  format, style and types
# make client  writes clients/python anew, from the service's description
# make lock  renews requirements.lock after a change of the dependencies in pyproject.toml

SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PYTEST_ARGS ?=
BENCH_ARGS ?=
WORKERS ?= 2

# Bytecode that may not be kept is compiled again on every run of the engine.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up test test-volume test-mail down bench lint client lock venv engine

help:
	@sed -n 's/^# make/make/p' Makefile

up: engine
	@$(BIN)/tenantry local up
	@env="$$($(BIN)/tenantry local env)" && eval "$$env" && $(BIN)/tenantry up --all
	@$(BIN)/tenantry local service

test: engine
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

test-volume: engine
	@TENANTRY_TEST_VOLUME=full $(MAKE) --no-print-directory test PYTEST_ARGS='-m volume $(PYTEST_ARGS)'

test-mail: venv
	@TENANTRY_TEST_VOLUME=full $(BIN)/python -m pytest -n 0 --noconftest tests/unit/test_hostile_mail.py tests/unit/test_rendering.py $(PYTEST_ARGS)

down: venv
	@$(BIN)/tenantry local down

bench: engine
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

lint: venv
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

# The generator wants another Typer than Tenantry has, and nobody else needs it: it has an environment of its own.
client: venv
	@test -x .venv/generator/bin/openapi-python-client || { $(PYTHON) -m venv .venv/generator && \
		.venv/generator/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement clients/generator.lock; }
	@PATH="$(CURDIR)/.venv/generator/bin:$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m clients.generate

lock: venv
	@$(BIN)/pip-compile --quiet --no-header --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links \
		--extra local --extra dev --output-file requirements.lock pyproject.toml

engine: venv
	@$(BIN)/python -m local.engine >/dev/null

# Made anew only when the locked set or the clone's place has changed: a virtual environment cannot be moved. One make at a time; the one
# that had to wait finds it made.
MADE := pwd | cat - requirements.lock | cmp -s - .venv/.locked
venv:
	@$(MADE) || $(MAKE) --no-print-directory .venv

.PHONY: .venv .venv-made
.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Tenantry needs Python 3.11 or later as $(PYTHON); to name another: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) local/turn.py .make.lock sh -c '$(MADE) || exec $(MAKE) --no-print-directory .venv-made'

.venv-made:
	@echo "making the virtual environment .venv from requirements.lock: about a minute, more where the network is slow"
	@rm -rf .venv || { echo "the old .venv cannot be removed: end what runs from it, or see whose files are in it (ls -l .venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "$(PYTHON) can make no virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "the virtual environment cannot be made here: see above, and df -h ." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@pwd | cat - requirements.lock > .venv/.locked
