# make table1   set everything up and build Table 1 of every paper (smoke scale, minutes)
# make test     set everything up and run the tests
# make evidence CONFIG="mirror=/archives"    the tests of the papers' main claims, then what generated images are worth
#               (about 20 core-hours each; make usefulness ARGS="--config scale=small mirror=/archives" does the second)
# make docs     the documentation as a site in build/docs; broken links are errors
# make soak     the long tests: 25 kills of each kind of job, then workflows with random kills (about an hour)
# make matrix   the oldest and the newest packages that pyproject.toml allows, on every Python from 3.11 that is here
# Any other workflow target works too: make okd_table1 ARGS="--config scale=reduced mirror=/archives"
PYTHON ?= $(firstword $(shell command -v python3.11 || command -v python3 || command -v python))
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: table1 test evidence docs soak matrix env lint clean-env
.DEFAULT_GOAL := table1

table1: env
	@$(BIN)/python -m advkd.start table1 $(ARGS)

test: env
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# Seed after seed, so that whenever it is stopped, whole seeds are finished. A failed job does not stop the other seeds.
evidence: env
	@status=0; for seeds in $$(seq $$(sed -n "s/^seeds: //p" paper/evidence.yaml)); do \
	  $(BIN)/python -m advkd.start evidence --cores 2 $(ARGS) --config scale=small seeds=$$seeds $(CONFIG) || status=$$?; \
	done; \
	$(BIN)/python -m advkd.start usefulness --cores 2 $(ARGS) --config scale=small $(CONFIG) || status=$$?; exit $$status

docs: env
	@$(BIN)/sphinx-build -q --nitpicky --fail-on-warning --keep-going -c docs . build/docs $(ARGS)
	@echo "build/docs/index.html"

soak: env
	@$(BIN)/python tests/soak/soak.py soak.json $(ARGS)

matrix: env
	@$(BIN)/python tests/matrix/matrix.py matrix.md $(ARGS)

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow src/advkd/new_project/files/Snakefile
	$(BIN)/snakemake --lint

env: $(VENV)/installed

# uv comes from its entry in the lock, whose hashes are checked; it brings the rest.
$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "advkd needs Python 3.11, and $(PYTHON) is another version. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (about 6 GB, once; later starts reuse it)"
	@$(PYTHON) -m venv $(VENV)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip sync --compile-bytecode --require-hashes requirements.lock
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

clean-env:
	rm -rf $(VENV)

# Any other word is a target of the workflow.
%:
	@PYTHONPATH=src $(PYTHON) -m advkd.targets $@
	@$(MAKE) --no-print-directory env
	@$(BIN)/python -m advkd.start $@ $(ARGS)

# These files of the checkout are not targets of the workflow.
Makefile requirements.lock pyproject.toml: ;
