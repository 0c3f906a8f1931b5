# The commands of the project; `make` alone lists them. Only `python3` and a C++20 compiler have to be there.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
BIN := $(VENV)/bin
CXX_FILES = $(shell find csrc cuda tests -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh')
ENVIRONMENT = $(PYTHON) tools/environment.py $(VENV)

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-cuda-emulated check-cuda sanitize coverage lint format stubs check-stubs check-symbols wheel bench bench-quick gpu-check \
	env clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

demo: ## build, train a CNN on handwritten digits, write pictures to output/
	@$(ENVIRONMENT) plots,datasets
	@$(BIN)/python examples/demo.py

env: ## build and install, with everything that tests and checks need
	@$(ENVIRONMENT) dev

test: env ## build and run the tests
	$(BIN)/python -m pytest -q -n $(JOBS) tests

test-slow: env ## the tests that take minutes
	$(BIN)/python -m pytest -q -m slow tests

test-cuda-emulated: env ## the tests on device "cuda", whose kernels run on the CPU and have every access checked
	PYTHON=$(BIN)/python JOBS=$(JOBS) tools/emulate.sh

check-cuda: ## compile the GPU kernels with nvcc, if it is there; fail if one spills registers
	tools/check_cuda.sh

sanitize: env ## the tests with AddressSanitizer and UndefinedBehaviorSanitizer, in some ten minutes
	PYTHON=$(BIN)/python tools/sanitize.sh

coverage: env ## the tests, with the share of pyneural/ that they reach
	$(BIN)/python -m pytest -q -n $(JOBS) --cov --cov-report=term tests

lint: env ## formatting and lint of C++ and Python
	$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: env ## put C++ and Python into the project's format
	$(BIN)/clang-format -i $(CXX_FILES)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

stubs: env ## write pyneural/_core.pyi, the types of the extension
	$(BIN)/python tools/stubs.py

check-stubs: env ## fail if pyneural/_core.pyi is out of date
	$(BIN)/python tools/stubs.py --check

check-symbols: env ## fail if a kernel object exports a weak symbol
	tools/check_symbols.sh build

wheel: env ## build a wheel into dist/
	$(BIN)/python -m pip wheel -q --no-build-isolation --no-deps -w dist .

bench: env ## measure kernels and models against the peers, in some 25 minutes; BENCH="--suite train" and the like
	$(BIN)/python -m benchmarks --install $(BENCH)

bench-quick: env ## the same with fewer cases and turns, in some minutes
	$(BIN)/python -m benchmarks --install --quick $(BENCH)

gpu-check: ## on a machine with a GPU: build, test and measure there; WHEELS=folder, CHECK="--only tests --limit 500"
	$(PYTHON) tools/gpu_check.py $(if $(WHEELS),--wheels $(WHEELS)) $(CHECK)

clean: ## remove what was built, trained and cached
	rm -rf build dist output $(VENV) .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
