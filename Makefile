# Two commands on a fresh machine do everything: `make demo` and `make test`. They need Python 3.11 or newer and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The machine may be shared: each test process computes on one thread. Of the many processes that tests start, the first
# leaves the package's modules compiled, whatever the user's shell says of that.
TEST_ENV := OMP_NUM_THREADS=1 MPLBACKEND=Agg ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=
# Neighbours in a file stay on one process, so that what they share is made once: --dist worksteal.
TEST_JOBS ?= 2
# `make benchmark` runs all, for an hour or more; `make benchmark-thaw` one; BENCHMARK_ARGS="--photos 48" makes it short.
BENCHMARKS ?= finetune thaw peers match predict memory audio serving preference
BENCHMARK_ARGS ?=

.PHONY: install demo test test-long benchmark lint format clean lock

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: there is no python3; install Python 3.11 or name it with PYTHON=" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	@PATH="$(abspath $(BIN)):$$PATH" sh tools/demo.sh

test: install
	$(TEST_ENV) $(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal -m "not long"

test-long: install
	$(TEST_ENV) $(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal -m long

benchmark: $(BENCHMARKS:%=benchmark-%)

benchmark-%: install
	$(BIN)/python benchmarks/$*.py --json outputs/benchmarks/$*.json $(BENCHMARK_ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every version pinned with hashes, no addresses; the same file serves Linux and macOS.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
