# ldn-cds. `make` alone lists what there is to do.
#
# PYTHON=...       the interpreter the virtual environment is made with (3.11+; only used when it is made)
# VENV=...         where the virtual environment is kept
# PYTEST_ARGS=...  passed on to pytest, e.g. PYTEST_ARGS='-k washout -x'; without it the tests use all processors

PYTHON ?=
VENV ?= .venv
PYTEST_ARGS ?=

PY = $(VENV)/bin/python
PIP = $(PY) -m pip --disable-pip-version-check
# Python compiles what it imports; pip would compile all, half a million lines of FHIR models among it.
INSTALL = $(PIP) install --quiet --no-compile
LOCKED = $(INSTALL) --require-hashes
PROJECT = $(INSTALL) --no-deps --no-build-isolation
# A process keeps to neighbouring tests, which share servers, and takes over from one that has more left.
EVERY_PROCESSOR = -n auto --maxprocesses 8 --dist worksteal
RUNTIME = $(VENV)/.installed-runtime
DEV = $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test lint format types knowledge package check lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(RUNTIME) ## start the service on 127.0.0.1 in development mode and show one real exchange
	CDS_ENVIRONMENT=development $(PY) -m cds_service.demo

test: $(DEV) ## run every test this machine has the programs for; REQUIRE_ALL=1 makes a skip a failure
	$(PY) -m pytest $(or $(PYTEST_ARGS),$(EVERY_PROCESSOR))

lint: $(DEV) ## ruff: rules and formatting; and do the lock files hold what pyproject.toml asks for
	@$(PIP) check || { echo "pyproject.toml and the lock files differ: make lock"; exit 1; }
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(DEV) ## let ruff repair what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: $(DEV) ## mypy --strict
	$(PY) -m mypy --strict cds_service app.py

knowledge: $(DEV) ## check the knowledge: tables, accuracy over the labelled lists, docs/knowledge.md
	$(PY) -m cds_service.knowledge.lint
	$(PY) -m cds_service.knowledge.accuracy
	$(PY) -m cds_service.knowledge.document --check

package: $(DEV) ## build the wheel, install it away from the checkout and start the service from it
	tools/try_wheel.sh $(PY)

check: lint types knowledge test ## lint, types, knowledge and test

lock: $(DEV) ## write the lock files anew from pyproject.toml; UPGRADE=--upgrade takes newer versions
	$(VENV)/bin/uv pip compile $(UV_OPTIONS) --output-file requirements.lock pyproject.toml
	$(VENV)/bin/uv pip compile $(UV_OPTIONS) --output-file requirements-dev.lock \
	    --extra dev --constraint requirements.lock pyproject.toml
	$(VENV)/bin/uv pip compile $(UV_OPTIONS) --output-file requirements-build.lock --group build

UPGRADE ?=
UV_OPTIONS = --quiet --universal --python-version 3.11 --generate-hashes \
    --custom-compile-command "make lock" $(UPGRADE)

clean: ## remove the virtual environment and everything built
	[ ! -e "$(VENV)/pyvenv.cfg" ] || rm -rf "$(VENV)"
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The stamps are as old as the last install: nothing is fetched again until a lock file or pyproject.toml changes.

$(PY):
	tools/make_venv.sh "$(VENV)" "$(PYTHON)"

$(RUNTIME): requirements.lock requirements-build.lock pyproject.toml | $(PY)
	$(LOCKED) -r requirements-build.lock -r requirements.lock
	$(PROJECT) --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	$(LOCKED) -r requirements-dev.lock
	@touch $@

.PHONY: accuracy bench-knowledge knowledge-page

accuracy: $(DEV) ## how well medicines are recognised, over the labelled lists; LISTS='--list FILE --site-folder DIR' for others
	$(PY) -m cds_service.knowledge.accuracy $(LISTS)

bench-knowledge: $(DEV) ## what loading and asking the knowledge costs
	$(PY) -m benchmarks.knowledge

knowledge-page: $(DEV) ## write docs/knowledge.md anew
	$(PY) -m cds_service.knowledge.document

.PHONY: bench bench-memory bench-peers profile

bench: $(DEV) ## CPU of an answer beside bare Flask views, growth, start, memory; BENCH_ARGS='--server granian --keep'
	$(PY) -m benchmarks.answers $(BENCH_ARGS)

bench-peers: $(DEV) ## the same requests to services that run already; PEERS='name=PID=URL ...'
	$(PY) -m benchmarks.peers $(PEERS)

bench-memory: $(DEV) ## memory of each worker over 100,000 requests; MEMORY_ARGS='--requests 20000'
	$(PY) -m benchmarks.memory $(MEMORY_ARGS)

profile: $(DEV) ## where the time of an answer goes, by stage; PROFILE_ARGS='--functions 30'
	$(PY) -m benchmarks.stages $(PROFILE_ARGS)

.PHONY: fuzz invariants audit sbom

fuzz: $(DEV) ## requests made from the OpenAPI document, for long; FUZZ_ARGS='--examples 20000'
	$(PY) -m tests.fuzz $(FUZZ_ARGS)

EXAMPLES ?= 1000

invariants: $(DEV) ## what must hold for every patient, made at random; EXAMPLES=5000 of each, PYTEST_ARGS='-k version'
	INVARIANT_EXAMPLES=$(EXAMPLES) $(PY) -m pytest tests/test_invariants.py $(PYTEST_ARGS)

audit: $(DEV) ## known vulnerabilities of what is shipped; ends with 3 where pypi.org cannot be asked
	$(PY) tools/audit.py

sbom: $(RUNTIME) $(DEV) ## write sbom.cdx.json, the parts of what is shipped (CycloneDX)
	$(PY) -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
	    --validate --output-format JSON --output-file sbom.cdx.json

.PHONY: bench-fetch chaos test-hapi

bench-fetch: $(DEV) ## what reading from an EHR costs; BENCH_ARGS='--json FILE' for the figures
	$(PY) -m benchmarks.fetch $(BENCH_ARGS)

chaos: $(DEV) ## random faults of an EHR; CHAOS_ARGS='--requests 2000 --seed 1'
	$(PY) -m benchmarks.chaos $(CHAOS_ARGS)

test-hapi: $(DEV) ## the same cards from HAPI FHIR (needs Java 17 and Maven, or HAPI_JAR)
	TEST_HAPI=1 $(PY) -m pytest tests/hapi $(PYTEST_ARGS)

.PHONY: kill-test bench-recording

kill-test: $(DEV) ## kill workers, servers and databases under load; KILL_ARGS='--seconds 600 --seed 2'
	$(PY) -m benchmarks.kill $(KILL_ARGS)

bench-recording: $(DEV) ## what recording cards costs; BENCH_ARGS='--rounds 9 --json FILE'
	$(PY) -m benchmarks.recording $(BENCH_ARGS)

.PHONY: bench-servers overload soak

bench-servers: $(DEV) ## the servers that could be shipped, side by side; BENCH_ARGS='--json FILE'
	$(PY) -m benchmarks.servers $(BENCH_ARGS)

overload: $(DEV) ## three times as many calls as can be answered; OVERLOAD_ARGS='--json FILE'
	$(PY) -m benchmarks.overload $(OVERLOAD_ARGS)

soak: $(DEV) ## twenty minutes of load, memory and errors over time; SOAK_ARGS='--minutes 60 --json FILE'
	$(PY) -m benchmarks.soak $(SOAK_ARGS)
