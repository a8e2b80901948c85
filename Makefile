# The everyday commands; `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin

# One thread per process: workers that each start a thread per core wait for each other, and sums in
# another order would change the bytes of a workbook.
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MKL_NUM_THREADS = 1

# A test file stays on one worker, which starts LibreOffice at most once; conftest.py says which are first.
PYTEST = $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.runs ## make a demo market and finished client workbooks
	$(BIN)/pyalloc demo

test: check ## lint, types and every test
	$(PYTEST) -m "not soak"

check: .venv/.installed ## lint, format and types only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/.rivals ## compare speed with the peers, which are installed for it
	$(BIN)/python -m benchmarks

soak: .venv/.installed ## every test at full size
	PYALLOC_SOAK=1 $(PYTEST) --timeout 7200

clean: ## remove what builds and runs left behind; .venv stays
	rm -rf build dist demo out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/.installed: .venv/.runs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,fast]"
	touch $@

.venv/.runs: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[fast]"
	touch $@

.venv/.rivals: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	touch $@
