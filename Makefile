# Everything one does with Orderdock; `make` lists it.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: help
help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name says; do printf '%-14s %s\n' "$$name" "$$says"; done

.PHONY: setup
setup: $(INSTALLED) ## Install everything into .venv, by the lock files

$(INSTALLED): requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Orderdock needs Python 3.11 or newer and there is no $(PYTHON): apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Orderdock needs Python 3.11 or newer and this is $$($(PYTHON) --version 2>&1): name another one, make setup PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) lacks the venv module: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) deploy/install.py .venv
	@touch $@

.PHONY: demo
demo: $(INSTALLED) ## Run the whole of it once on sample orders, and show what came of them
	@$(BIN)/orderdock demo

.PHONY: up
up: $(INSTALLED) ## Run Orderdock with sample data until Ctrl-C
	@$(BIN)/orderdock up --sample

.PHONY: reset
reset: $(INSTALLED) ## Delete the data that `make up` keeps
	@$(BIN)/orderdock reset

.PHONY: test
test: $(INSTALLED) ## Run all tests, on real brokers and databases, in two processes
	$(BIN)/pytest --numprocesses=2 --dist=loadgroup --no-loadscope-reorder

.PHONY: test-long
test-long: $(INSTALLED) ## Play thousands of long sequences of acts and calls, for half an hour or more
	ORDERDOCK_HYPOTHESIS=long $(BIN)/pytest tests/component -k "sequences or schemathesis"

.PHONY: chaos
chaos: $(INSTALLED) ## Kill every part under load and count what arrives
	ORDERDOCK_CHAOS=whole $(BIN)/pytest tests/chaos

.PHONY: bench
bench: $(INSTALLED) ## Measure speed side by side with what it is held against, in minutes
	@$(BIN)/python -m tests.bench

.PHONY: bench-long
bench-long: $(INSTALLED) ## The same with ten million orders and a million deliveries stored, which take 16 GB of disk
	@$(BIN)/python -m tests.bench --long

.PHONY: check
check: $(INSTALLED) ## Format, lint, types, import contracts, dead code, licences, lock files, what is deployed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@echo "$(BIN)/vulture (functions, methods and classes that nothing uses)"
	@found=$$($(BIN)/vulture) || test $$? -eq 3 || exit 1; ! echo "$$found" | grep "unused [^v]"
	$(BIN)/pip-licenses --format=plain --summary
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard deploy/k8s/*.yaml deploy/k8s/*/*.yaml))
	$(BIN)/pytest -q tests/unit/deploy

.PHONY: audit
audit: $(INSTALLED) ## Look for known vulnerabilities in what the image holds; needs PyPI's advisory service
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock || { \
	  echo "The audit did not pass: a package above has a known vulnerability (raise it with make lock), or the advisory service did not answer for it (run make audit where it is reached)."; exit 1; }

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: lock
lock: $(INSTALLED) ## Pin what pyproject.toml asks for; UPGRADE=--upgrade takes the newest of everything
	$(COMPILE) $(UPGRADE) --extra dev --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml

.PHONY: docs
docs: $(INSTALLED) ## Write docs/api anew from the code
	$(BIN)/python -m tests.contract.documents

.PHONY: clean
clean: ## Delete what was installed and built here
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
