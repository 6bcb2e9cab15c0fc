# Everything below works after nothing more than `git clone`: make builds .venv by itself.
# Your own Python: make test PYTHON=/path/to/python3.12

PYTHON =
OPTIONS =
SEQUENCES = 2000

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The shell would read << as a redirection: always in single quotes.
PROJECT := '<<cookiecutter.project_name>>'

# Compiled files stay out of the folder that is generated from.
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache

.DEFAULT_GOAL := help
.PHONY: demo test test-all test-slurm test-pythons fuzz mutate check bench-envs bench bench-full \
	profile test-libraries help clean FORCE

demo: $(STAMP) ## a generated project in five acts, in build/demo
	@$(BIN)/python tools/demo.py

test: $(STAMP) ## the quick tests, a few minutes; options: OPTIONS="-k names"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow" $(OPTIONS)

test-all: $(STAMP) ## all tests
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal --durations=10 $(OPTIONS)

test-pythons: $(STAMP) ## what depends on the version, with Python 3.10, 3.13, 3.14 and 3.15
	@sh tools/other_pythons.sh $(VENV)

fuzz: $(STAMP) ## random experiments and edits, as many as SEQUENCES=2000; and random values
	@$(BIN)/python tests/runner/oracle_fuzz.py $(SEQUENCES)
	@LAWS=random $(BIN)/python -m pytest -q -n 2 -m "not slow" tests/runner $(OPTIONS)

mutate: $(STAMP) ## break the runner in small ways; a test must notice each (half an hour; best with TMPDIR=/dev/shm)
	@$(BIN)/python tools/mutate.py

test-libraries: $(STAMP) ## with torch, jax and others, in an environment of several gigabytes
	@sh tools/make_venv.sh build/libraries $(PYTHON)
	@build/libraries/bin/python -m pip install --quiet torch jax numba flax optax equinox \
	  omegaconf astropy networkx keras addict cftime geopandas pydantic toolz uncertainties \
	  xarray
	@build/libraries/bin/python -m pytest -q tests/runner/with_libraries.py

test-slurm: $(STAMP) ## jobs of a real Slurm, started for it; root, slurm-wlm and munge
	@sh tools/slurm_test.sh $(VENV)

check: $(STAMP) ## formatting, style, types, layers and the line budget
	@$(BIN)/python -m black --quiet --check . \
	  || { echo "black would change files; to let it: $(BIN)/python -m black ."; exit 1; }
	@$(BIN)/python -m ruff check --quiet --config pyproject.toml .
	@$(BIN)/python -m mypy
	@said=$$(PYTHONPATH=$(PROJECT) $(BIN)/lint-imports --no-cache 2>&1) \
	  || { echo "$$said"; exit 1; }
	@$(BIN)/python tools/line_budget.py

ENVS := build/bench/envs
COMPARED := $(patsubst benchmarks/%/requirements.txt,$(ENVS)/%/.installed,\
  $(wildcard benchmarks/*/requirements.txt))

bench-envs: $(COMPARED) ## the compared tools, pinned, an environment for each

$(ENVS)/%/.installed: benchmarks/%/requirements.txt $(STAMP)
	@echo "Installing $* into $(@D) ..."
	@$(BIN)/python -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench: $(COMPARED) ## the table beside other tools, N = 100 and 1,000: a quarter of an hour
	@$(BIN)/python benchmarks/run.py -n 100 1000 --limit 30 $(OPTIONS)

bench-full: $(COMPARED) ## the same up to N = 100,000: hours, and 20 GB in build/
	@$(BIN)/python benchmarks/run.py -n 100 1000 10000 --limit 300 $(OPTIONS)
	@$(BIN)/python benchmarks/run.py -n 10000 100000 --repeats 1 --limit 3600 \
	  --tools plain joblib ours --scenarios cold cached map $(OPTIONS)

profile: $(ENVS)/ours/.installed ## where the time goes, N = 1,000: OPTIONS="-n 10000"
	@$(BIN)/python benchmarks/hotspots.py $(OPTIONS)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s%s\n", $$1, $$2}' Makefile

clean: ## remove .venv, build and the caches of tools
	@rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# With PYTHON given the script looks each time, in case it is another one than before.
$(STAMP): requirements-dev.txt tools/make_venv.sh $(if $(PYTHON),FORCE)
	@sh tools/make_venv.sh $(VENV) $(PYTHON)
