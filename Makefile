# A fresh clone needs no other set-up than `make test`.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install demo unit test e2e coverage lint bench fuzz mutants node mlserver docs

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
# Of the tools, only what is imported is compiled: all of it takes longer than downloading it.
ADD := $(PIP) install --no-compile

# Stamps of steps that run once, and again if pyproject.toml changes.
MADE := $(VENV)/.made
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.tools
BENCH := $(VENV)/.bench
FUZZ := $(VENV)/.fuzz
E2E := $(VENV)/.e2e
MUTMUT := $(VENV)/.mutmut
# MLServer needs older releases of FastAPI and protobuf than the other tools, so it has an environment of its own.
MLSERVER := .venv-mlserver
# The generator of the site has an environment of its own, so that the tests do not need it.
DOCS := .venv-docs

FUZZ_SECONDS ?= 60
WORKERS ?= 2
MUTANTS ?=

# The folder with the real servers for some tests. Without it these tests are skipped.
ifneq ($(wildcard ../shared/crds),)
export ROLLOUT_SPEC_ORACLES ?= $(abspath ../shared)
endif

ifneq ($(wildcard $(MLSERVER)/.installed),)
export ROLLOUT_SPEC_MLSERVER ?= $(abspath $(MLSERVER))
endif

# Each module is compiled once, not by each worker and each program that a test starts. The checkout gets no new files.
unit test coverage e2e: export PYTHONPYCACHEPREFIX := $(abspath $(VENV)/bytecode)
unit test coverage e2e: export PYTHONDONTWRITEBYTECODE :=

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "make %-8s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(TOOLS) ## install the package and the tools for its development into .venv

demo: ## try it on a temporary repository; the first time, this installs it
	@test -f $(INSTALLED) || echo "Installing rollout-spec and its dependencies into $(VENV) first: a minute or two."
	@$(MAKE) --no-print-directory $(INSTALLED)
	$(VENV)/bin/rollout-spec demo

# Three workers, because some tests wait.
unit: $(TOOLS) ## run the tests that start no other program, in a minute
	$(RUN) -m pytest -n 3 --dist worksteal -m "not system" tests/unit $(ARGS)

test: $(TOOLS) ## run the tests; ARGS="-k traffic" runs some
	$(RUN) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

e2e: $(E2E) ## let a model fail behind a real router, and time its rollback
	$(RUN) -m pytest -s tests/e2e $(ARGS)

coverage: $(TOOLS) ## say which lines and branches `make unit` leaves out, of the packages that start no program
	$(RUN) -m pytest -n 2 --dist loadgroup -m "not system" --cov --cov-report=term-missing $(ARGS)

lint: $(TOOLS) ## check style and types
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -m mypy --config-file tests/mypy.ini
	$(VENV)/bin/lint-imports

node: ## install the npm packages of some tests (tests/package.json)
	npm install --prefix tests --no-package-lock --no-audit --no-fund --silent

mlserver: $(MLSERVER)/.installed ## install MLServer for a test of `make e2e`, which is skipped without it

docs: $(DOCS)/.installed ## build the documentation as a site into build/site, which needs no network
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --clean --strict --quiet
	@echo "to read it: $(PYTHON) -m http.server --directory build/site"

bench: $(BENCH) ## measure how fast it is
	$(RUN) benchmarks/run.py

fuzz: $(FUZZ) ## search for inputs that crash, hang or bloat it; FUZZ_SECONDS=600 runs longer
	$(RUN) tests/fuzz/run.py $(FUZZ_SECONDS)

mutants: $(MUTMUT) ## change the code in one place at a time and list the changes that no test notices; MUTANTS="rollout_spec.domain.traffic.*" for some
	nice -n 10 $(VENV)/bin/mutmut run --max-children 1 $(MUTANTS)
	$(VENV)/bin/mutmut results

$(MLSERVER)/.installed:
	$(PYTHON) -m venv --clear $(MLSERVER)
	$(MLSERVER)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile mlserver mlserver-sklearn
	touch $@

$(DOCS)/.installed: pyproject.toml
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile "pip>=25.1"
	$(DOCS)/bin/python -m pip --disable-pip-version-check --quiet install --no-compile --group docs
	touch $@

$(MADE):
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

# Only the dependencies for running it.
$(INSTALLED): pyproject.toml | $(MADE)
	$(PIP) install --editable .
	touch $@

# Dependency groups need pip 25.1. The build backend is installed too, so that another run fetches nothing.
$(TOOLS): pyproject.toml | $(MADE)
	$(ADD) "pip>=25.1"
	$(ADD) editables hatchling
	$(PIP) install --no-build-isolation --editable .
	$(ADD) --group test --group lint
	touch $(INSTALLED) $@

$(BENCH): pyproject.toml $(INSTALLED) | $(MADE)
	$(ADD) "pip>=25.1"
	$(ADD) --group bench
	touch $@

$(FUZZ): pyproject.toml $(INSTALLED) | $(MADE)
	$(ADD) "pip>=25.1"
	$(ADD) --group fuzz
	touch $@

$(E2E): pyproject.toml $(TOOLS) | $(MADE)
	$(ADD) --group e2e
	touch $@

$(MUTMUT): pyproject.toml $(TOOLS) | $(MADE)
	$(ADD) --group mutants
	touch $@
