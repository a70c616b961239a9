# demo       six real graphs, the strongest paths of one, and what five have in common
# test-fast  the tests that need neither a Neo4j nor torch, except slow ones
# test       all tests, with circuit-tracer and torch, against a real Neo4j
# coverage   all tests, and which lines and branches of the package they run
# fuzz       the readers of files, for SECONDS each
# chaos      kills of clients and servers during every command that writes, for SECONDS; SEED repeats them
# full-disk  every command that writes, on a disk that is full, then read-only; as root
# soak       20,000 questions in one process: memory, threads and files do not grow
# bench      how long queries take, beside other ways to answer them
# check      style, types, docs, queries
# docs       write the generated pages, and build the documentation into site/

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?= 300
export SEED
# Python may keep the compiled modules of the package: tests and benchmarks start hundreds of programs, and each would
# take a quarter of a second more.
unexport PYTHONDONTWRITEBYTECODE
UV := $(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --constraint constraints.txt

.PHONY: demo test-fast test coverage chromium fuzz chaos full-disk soak bench check docs clean

demo: $(VENV)/.demo
	$(BIN)/circuit-atlas demo

test-fast: $(VENV)/.fast
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not server and not torch and not slow" $(ARGS)

test: $(VENV)/.test chromium
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(VENV)/.test chromium
	rm -f .coverage .coverage.*
	HF_HUB_OFFLINE=1 $(BIN)/coverage run -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# For the tests that look at pages: installed where that can be done without asking, else they are skipped.
chromium:
	@$(BIN)/python tests/support/chromium.py || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get && apt-get update && \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } >/dev/null 2>&1 || \
		echo "No Chromium: tests that need it are skipped."

fuzz: $(VENV)/.test
	mkdir -p fuzz-corpus/json fuzz-corpus/pt
	$(BIN)/python tests/fuzz/fuzz_json.py -max_total_time=$(SECONDS) fuzz-corpus/json tests/fuzz/corpus/json
	$(BIN)/python tests/fuzz/fuzz_pt.py -max_total_time=$(SECONDS) fuzz-corpus/pt tests/fuzz/corpus/pt

chaos: $(VENV)/.test
	PYTHONPATH=tests $(BIN)/python tests/chaos/chaos.py --seconds $(SECONDS) $(ARGS)

full-disk: $(VENV)/.test
	PYTHONPATH=tests $(BIN)/python tests/chaos/full_disk.py $(ARGS)

soak: $(VENV)/.test
	PYTHONPATH=tests $(BIN)/python tests/chaos/soak.py $(ARGS)

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.bench $(ARGS)

docs: $(VENV)/.docs
	$(BIN)/python scripts/write_docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Open site/index.html. Search needs a web server: $(BIN)/python -m http.server --bind 127.0.0.1 --directory site"

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf .check build && $(UV) --no-deps --target .check .
	$(BIN)/mypy .check/circuit_atlas tests benchmarks scripts
	rm -rf build
	$(BIN)/python scripts/write_docs.py --check
	$(BIN)/python -m pytest -m "not server" tests/test_catalogue.py tests/test_layout.py

$(VENV)/.uv: constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'circuit-atlas needs Python 3.11 or newer: make PYTHON=python3.12')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt uv
	touch $@

$(VENV)/.demo: $(VENV)/.uv pyproject.toml
	$(UV) --editable '.[views]'
	touch $@

$(VENV)/.fast: $(VENV)/.uv pyproject.toml
	$(UV) --editable '.[pandas,networkx,parquet,views]' --group test
	touch $@

$(VENV)/.test: $(VENV)/.uv pyproject.toml
	$(UV) --editable '.[attribution,pandas,networkx,parquet,views]' --group test --group check
	touch $(VENV)/.demo $(VENV)/.fast $@

$(VENV)/.docs: $(VENV)/.uv pyproject.toml
	$(UV) --editable . --group docs
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(UV) --editable '.[attribution,pandas,networkx,parquet,views]' --group bench
	touch $@

clean:
	rm -rf $(VENV) .check .docs .coverage .coverage.* build dist fuzz-corpus screenshots site *.egg-info src/*.egg-info
