# The tasks of the project; `make help` lists them. Everything is installed into .venv, nothing elsewhere.
BIN = .venv/bin
# PYTHON, where it is named, is what .venv is made by; without it, any is good that is new enough.
PYTHON ?=
# The tests start Python some thousand times: it keeps what it compiled of the modules that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL = help
.PHONY: help setup example lint types docs test pages engine-test golden refresh refresh-libraries native kills fuzz bench bench-edits bench-starts bench-unchanged bench-locks bench-builds bench-accelerators check

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install mlspec and its tools into .venv
	@.ci/setup dev $(PYTHON)

example: ## the main job on an example, without an engine: show what its spec compiles to
	@.ci/setup product $(PYTHON)
	$(BIN)/mlspec render --check specs/first-training
	$(BIN)/mlspec render --stdout --target dockerfile specs/first-training

lint: setup ## ruff, and the one way that imports may run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: setup ## mypy, strict
	$(BIN)/mypy

docs: setup ## the documentation, into site/; a warning or a broken link is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --nitpicky --builder html --doctree-dir site/.doctrees docs site

# Where tests stand that need an engine: without one, nothing else is collected only to be left out.
ENGINE = tests/engine tests/house/test_docs.py
test: setup ## every test; those that need a Docker engine skip where there is none
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not engine" --ignore=tests/engine
	@if [ -n "$$MLSPEC_REQUIRE_ENGINE" ] || docker info >/dev/null 2>&1; \
	then $(BIN)/python -m pytest -m engine $(ENGINE); \
	else echo "skipped: the tests that need an engine ($(ENGINE)), because docker info finds none"; fi

pages: setup ## only the pages of the documentation: whether they show what mlspec prints; for sessions that need an engine: make engine-test
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not engine" tests/house/test_docs.py tests/house/test_contributing.py

engine-test: setup ## only the tests that need a Docker engine; to skip one is a failure
	MLSPEC_REQUIRE_ENGINE=1 $(BIN)/python -m pytest -m engine $(ENGINE)

# The tests that use the fixture `golden`, and the one that runs the sessions of the documentation.
GOLDEN = $(shell grep -rl 'golden: Golden' tests --include='test_*.py') tests/house/test_docs.py
golden: setup ## regenerate the example specs' files, the tests' snapshots and the outputs in the documentation; read the diff before you commit it
	$(BIN)/mlspec render
	$(BIN)/python -m pytest -q --snapshot-update $(GOLDEN)

refresh: setup ## update the tables of mlspec/facts/data from Debian, Python, tensorflow, torch and the package index; read the diff
	$(BIN)/python .ci/refresh/debian_packages.py
	$(BIN)/python .ci/refresh/debian_libraries.py
	$(BIN)/python .ci/refresh/pythons.py
	$(BIN)/python .ci/refresh/frameworks.py
	$(BIN)/python .ci/refresh/wheels.py

refresh-libraries: setup ## try on an engine which Debian packages a package needs, and note the result; takes a while
	$(BIN)/python .ci/refresh/system_libraries.py

native: setup ## whether locks are those of a native pip-compile, on every Python of this machine; takes some minutes
	$(BIN)/python -m tests.support.native

kills: setup ## kill commands 300 times and see that the next one puts it right; takes some minutes
	$(BIN)/python -m tests.support.kills

COUNT ?= 20000
SEED ?= 1
fuzz: setup ## hostile specs, requirements, locks and proofs, COUNT of them from SEED; what comes out is read back
	$(BIN)/python -m tests.support.fuzz --count $(COUNT) --seed $(SEED)

bench: setup ## how long the tool itself takes, side by side with bare Python
	$(BIN)/python benchmarks/cli.py

bench-edits: setup ## from an edit of the code to the image, and to the first line of the program; needs an engine
	$(BIN)/python -m benchmarks.edits $(BENCH)
	$(BIN)/python -m benchmarks.live $(BENCH)

bench-starts: setup ## how fast containers start: the classic Dockerfile, mlspec's without and with the library's bytecode; needs an engine
	$(BIN)/python -m benchmarks.starts $(BENCH)

bench-unchanged: setup ## where nothing changed: mlspec build beside docker build, mlspec run beside run.sh; needs an engine
	$(BIN)/python -m benchmarks.unchanged $(BENCH)

bench-locks: setup ## mlspec lock beside uv pip compile: from nothing, with one name added, with --upgrade
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.locks $(BENCH)

# A run's options: make bench-builds BENCH="--stack full --variants classic mlspec"
bench-builds: setup ## builds by several Dockerfiles of one application, measured in turn on an engine; takes a while
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.builds $(BENCH)

bench-accelerators: setup ## one spec for the CPU and for CUDA, and the image of the usual Dockerfile; downloads 3 GB once
	$(BIN)/python -m benchmarks.accelerators $(BENCH)

check: setup ## all that a change has to pass
	$(MAKE) --jobs=2 lint types docs
	$(MAKE) test
