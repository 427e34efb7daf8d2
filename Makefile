# Everything below needs python3 (3.11 or newer) with pip, and make. The rest is installed into this folder.

UV_VERSION := 0.13.8
PYTHON ?= python3
UV := .tools/bin/uv
BIN := .venv/bin
READY := .venv/.ready

# Without compiled files every start takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test check format docs docs-screenshots bench bench-ledger clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## install everything the project needs into .venv

run: $(READY) ## start the server with a first key and owner; needs no provider key
	@$(BIN)/officium serve --bootstrap $(ARGS)

# Tests that start servers and browsers, and look at when things happen, have the machine to themselves.
ALONE := tests/browser tests/cli/test_server.py tests/web/test_server.py

test: $(READY) ## run the tests; ARGS="-k name" for some of them
ifdef ARGS
	@$(BIN)/pytest $(ARGS)
else
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile $(ALONE:%=--ignore=%)
	@$(BIN)/pytest $(ALONE)
endif

check: $(READY) ## format, lint, types, architecture, lock file and documentation, as the CI does
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(UV) lock --check --quiet
	@$(BIN)/pytest tests/test_house.py tests/test_docs.py --deselect tests/test_docs.py::test_examples_of_sdks_run

format: $(READY) ## put the code into shape
	@$(BIN)/ruff check --fix --quiet
	@$(BIN)/ruff format --quiet

docs: $(READY) ## build the documentation's site into site, and check its links
	@$(UV) sync --locked --quiet --group docs
	@$(BIN)/python -m docs_site

docs-screenshots: $(READY) ## take the documentation's pictures of the console again
	@$(BIN)/python -m docs_site.screenshots

bench: $(READY) ## measure the gateway; see bench/README.md
	@$(BIN)/python -m bench $(ARGS)

bench-ledger: $(READY) ## prove in full size that the ledger holds, then measure it; takes about an hour
	@$(BIN)/officium verify-ledger $(ARGS)
	@$(BIN)/python -m bench.ledger

clean: ## remove everything that was installed or built
	rm -rf .venv .tools build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis src/officium/web/static/vendor src/officium/core/knowledge/minilm \
		tests/support/vendor

$(READY): pyproject.toml uv.lock hatch_build.py hatch_encoder.py package-lock.json .tools/uv-$(UV_VERSION)
	@echo "Installing into .venv ..."
	@$(UV) sync --locked --quiet
	@touch $@

.tools/uv-$(UV_VERSION):
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--target .tools --upgrade "uv==$(UV_VERSION)"
	@touch $@
