# The two commands: `make publish` and `make test`. Everything is set up by itself, in .venv.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements.lock requirements-cluster.lock requirements-dev.lock
# A test process for each core; one that has no tests left takes over some of another's.
SIDE_BY_SIDE := -n logical --maxprocesses 8 --dist worksteal
export DAGSTER_HOME ?= $(CURDIR)/pipelines/deploy/embedded
export GUATECOMPRAS_SOURCE ?= sqlite:///$(CURDIR)/data/demo.sqlite

.PHONY: publish portal test test-docs test-all lint audit dev bench lock clean

publish: $(VENV)/.ready ## set up, make a demo source of three months, publish it
	@mkdir -p data
	@$(BIN)/guatecompras demo-source --first 2026-01 --months 3 --size 2000 --seed 1 --out sqlite:///$(CURDIR)/data/demo.sqlite
	@$(BIN)/guatecompras publish 2026-01..2026-03 --source sqlite:///$(CURDIR)/data/demo.sqlite

portal: $(VENV)/.ready ## the public portal, over what `make publish` wrote
	@$(BIN)/guatecompras serve --port 8000

test: $(VENV)/.ready-dev ## set up and run the tests
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow"

test-docs: $(VENV)/.ready-dev ## every command of the operators' pages
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m slow tests/docs

test-all: $(VENV)/.ready-dev ## the slow ones too
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@$(BIN)/bandit -q -c pyproject.toml -r guatecompras assets pipelines portal resources

# OSV and not PyPI's service: where that knows nothing of a package, pip-audit skips it and ends well; without an answer of OSV it
# fails. OSV_URL: a mirror.
audit: $(VENV)/.ready-dev ## ask whether a locked package has a known vulnerability
	@$(BIN)/pip-audit --progress-spinner off --vulnerability-service osv $(if $(OSV_URL),--osv-url $(OSV_URL)) --disable-pip --require-hashes $(foreach lock,$(LOCKS),-r $(lock))

dev: $(VENV)/.ready ## the Dagster UI, on the same home as `make publish`
	@$(BIN)/dagster instance info > /dev/null
	@$(BIN)/dagster dev -w workspace.yaml

bench: $(VENV)/.ready-dev ## side by side with the peers; half an hour, on a machine that does nothing else
	@$(BIN)/python -m benchmarks.run

# The one for development holds all others, which take their versions from it: what is tested is what runs.
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-strip-extras --no-header pyproject.toml
lock: $(VENV)/.ready-dev ## pin every dependency with its hashes
	@$(COMPILE) --extra dev -o requirements-dev.lock
	@$(COMPILE) --constraint requirements-dev.lock -o requirements.lock
	@$(COMPILE) --constraint requirements-dev.lock --extra cluster -o requirements-cluster.lock

clean:
	rm -rf $(VENV) data

$(VENV)/.ready: requirements.lock pyproject.toml pipelines/deploy/environment.sh
	@sh pipelines/deploy/environment.sh $(VENV) requirements.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml pipelines/deploy/environment.sh
	@sh pipelines/deploy/environment.sh $(VENV) requirements-dev.lock
	@touch $(VENV)/.ready $@
