# Everything a person or CI does with this repository, each by one name.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
# Numeric libraries share the cores with servers and browsers: one thread each.
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help install demo demo-release lab test soak test-python test-js test-torch lint types format bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(STAMP) ## the environment in .venv, and the built JupyterLab extension

$(STAMP): pyproject.toml constraints.txt extensions/yarn.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

# Whoever only looks around needs no key of their own for it.
demo lab: export WORKBENCH_KEY_FOLDER := $(CURDIR)/demo/.keys

# Your own file: make demo DATA=loans.csv TARGET=default SENSITIVE=sex,group MISTAKEN=income
demo: install ## the whole loop on generated lending data, in a few minutes
	@rm -rf demo && mkdir demo && $(BIN)/python -c "import workbench; workbench.open('demo')"
	$(BIN)/papermill notebooks/01_the_loop.ipynb demo/the_loop.ipynb --cwd demo \
	  $(if $(DATA),-p data '$(abspath $(DATA))' -p target '$(TARGET)' -p mistaken '$(MISTAKEN)' -y 'sensitive: [$(SENSITIVE)]')
	@echo "The executed notebook: demo/the_loop.ipynb"
	@echo "The page for somebody who must decide: demo/card.html"
	@echo "To look around in JupyterLab: make lab"

demo-release: export WORKBENCH_KEY_FOLDER := $(CURDIR)/demo-release/.keys

demo-release: install ## a release, judged under traffic, and the way back, in two minutes
	@rm -rf demo-release && mkdir demo-release && $(BIN)/python -c "import workbench; workbench.open('demo-release')"
	$(BIN)/papermill notebooks/02_release_and_go_back.ipynb demo-release/release_and_go_back.ipynb --cwd demo-release
	@echo "The executed notebook: demo-release/release_and_go_back.ipynb"

lab: install ## JupyterLab on the demo project (make demo first)
	$(BIN)/workbench lab --project demo

test: install test-js test-python test-torch ## every test: TypeScript, Python, browser stories, torch

# A browser wants the machine for itself; everything else runs side by side, a file to a process, and a thread:
# threads of several processes on the same cores wait for each other, many times as long.
test-python: install
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile -m "not browser"
	$(BIN)/python -m pytest -m browser

# Torch is no dependency, and would slow every import of those that look for it: it lies beside the environment.
test-torch: .torch/torch/__init__.py
	PYTHONPATH=.torch $(BIN)/python -m pytest tests/torch

.torch/torch/__init__.py: | install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target .torch -c constraints.txt 'torch==2.13.0'

soak: install ## a whole release for half an hour at 200 requests a second, with everything breaking once
	WORKBENCH_SOAK_MINUTES=30 WORKBENCH_SOAK_RATE=200 $(BIN)/python -m pytest tests/test_soak.py

test-js: install
	cd extensions && jlpm test

lint: install ## ruff, import rules, eslint, prettier
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	cd extensions && jlpm lint:check

types: install ## mypy (strict) and tsc
	$(BIN)/mypy
	cd extensions && jlpm types

format: install ## rewrite to the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd extensions && jlpm format

bench: install ## ours beside a peer in one run, as ratios
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean: ## forget the environment, the builds and the demo
	rm -rf $(VENV) .torch .modelscan .kserve-venv .mlserver-venv demo demo-release test-results extensions/node_modules extensions/*/lib
	rm -rf workbench/interfaces/lab/labextension workbench/interfaces/widgets/static
