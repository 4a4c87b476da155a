# Two commands on a fresh machine do everything: `make demo` and `make test`. They need Python 3.11 or newer and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The machine may be shared: each test process computes on one thread. Of the many processes that tests start, the first
# leaves the package's modules compiled, whatever the user's shell says of that.
TEST_ENV := OMP_NUM_THREADS=1 MPLBACKEND=Agg ORT_DISABLE_TELEMETRY=1 PYTHONDONTWRITEBYTECODE=
# Neighbours in a file stay on one process, so that what they share is made once: --dist worksteal. One more than there are
# cores, where these are two: tests wait for processes of their own, the long ones half of the time.
TEST_JOBS ?= 3
# The files in which tests have a mark: to import all others takes longer than most tests.
marked = $(sort $(shell grep -rlE --include='test_*.py' 'mark\.($(1))' tests))
# `make benchmark` runs all, for an hour or more; `make benchmark-thaw` one; BENCHMARK_ARGS="--photos 48" makes it short.
BENCHMARKS ?= start methods finetune thaw peers sweep search match predict memory audio serving preference
BENCHMARK_ARGS ?=

# What a part of requirements.lock needs beyond what lies there already; PyTorch's own build for processors alone is kept.
define install_part
$(BIN)/python tools/lock_part.py $(1) > $(VENV)/part.lock
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps $(2) -r $(VENV)/part.lock
endef

.PHONY: install install-test install-extras demo test test-long test-extras test-rest benchmark lint docs format clean lock

# Three steps, each with what the one before installed: the package, what most tests and linting need, and the large extras.
install: $(VENV)/.installed
install-test: $(VENV)/.installed-test
install-extras: $(VENV)/.installed-extras

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: there is no python3; install Python 3.11 or name it with PYTHON=" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(call install_part,hatchling editables,--no-compile)
	@# Half of the time, and pip would do it on one core; what is for other Pythons can't be compiled.
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(call install_part,test)
	@touch $@

$(VENV)/.installed-extras: $(VENV)/.installed-test
	$(call install_part,dev)
	@touch $@

demo: install
	@PATH="$(abspath $(BIN)):$$PATH" sh tools/demo.sh

# What the large extras bring is tested with them, and not twice where they are installed already.
test: install-test
	$(TEST_ENV) $(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal -m "not long and not extra"

test-long: install-test
	$(TEST_ENV) $(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal -m long $(call marked,long)

# Those that skip without the large extras; here an absent one is a failure.
test-extras: install-extras
	THAWLINE_TEST_EXTRAS=1 $(TEST_ENV) $(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal -m "extra and not long" \
		$(call marked,extra)

# Both in one go: short ones fill in where long ones wait.
test-rest: install-extras
	THAWLINE_TEST_EXTRAS=1 $(TEST_ENV) $(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal -m "extra or long" \
		$(call marked,extra|long)

benchmark: $(BENCHMARKS:%=benchmark-%)

benchmark-%: install-test
	$(BIN)/python benchmarks/$*.py --json outputs/benchmarks/$*.json $(BENCHMARK_ARGS)

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation as a site that needs no network: outputs/site/index.html.
docs: install-extras
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

format: install-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every version pinned with hashes, no addresses; one file for all three steps, and for Linux and macOS.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
