# Everything below works after nothing more than `git clone`: make builds .venv by itself.
# Your own Python: make test PYTHON=/path/to/python3.12

PYTHON =
OPTIONS =
SEQUENCES = 20000

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The shell would read << as a redirection: always in single quotes.
PROJECT := '<<cookiecutter.project_name>>'

# Compiled files stay out of the folder that is generated from.
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache

.DEFAULT_GOAL := help
.PHONY: demo test test-all fuzz mutate check help clean FORCE

demo: $(STAMP) ## a generated project in four acts, in build/demo
	@$(BIN)/python tools/demo.py

test: $(STAMP) ## the quick tests, under three minutes; options: OPTIONS="-k names"
	@$(BIN)/python -m pytest -q -m "not slow" $(OPTIONS)

test-all: $(STAMP) ## all tests, and the quick ones with other Pythons if present
	@$(BIN)/python -m pytest -q --durations=10 $(OPTIONS)
	@sh tools/other_pythons.sh $(VENV)

fuzz: $(STAMP) ## random experiments and edits, as many as SEQUENCES=20000
	@$(BIN)/python tests/runner/oracle_fuzz.py $(SEQUENCES)

mutate: $(STAMP) ## break the runner in small ways; a test must notice each (hours)
	@$(BIN)/python tools/mutate.py

check: $(STAMP) ## formatting, style, types, layers and the line budget
	@$(BIN)/python -m black --quiet --check . \
	  || { echo "black would change files; to let it: $(BIN)/python -m black ."; exit 1; }
	@$(BIN)/python -m ruff check --quiet --config pyproject.toml .
	@$(BIN)/python -m mypy
	@said=$$(PYTHONPATH=$(PROJECT) $(BIN)/lint-imports --no-cache 2>&1) \
	  || { echo "$$said"; exit 1; }
	@$(BIN)/python tools/line_budget.py

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s%s\n", $$1, $$2}' Makefile

clean: ## remove .venv, build and the caches of tools
	@rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# With PYTHON given the script looks each time, in case it is another one than before.
$(STAMP): requirements-dev.txt tools/make_venv.sh $(if $(PYTHON),FORCE)
	@sh tools/make_venv.sh $(VENV) $(PYTHON)
