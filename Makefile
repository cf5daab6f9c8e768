# make demo: set up, and run the main job on generated data.   make test: set up, and pass the tests.
# Nothing is needed but Python 3.11 or newer with pip, and make.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEMO   := demo

.PHONY: demo test kill parity fuzz lint format bench redshift-local clean help

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(READY) ## generate data, migrate, load, load again, and show the result
	@test -d $(DEMO)/data || $(BIN)/sparkify-etl generate $(DEMO)/data --events 50000 --songs 1000
	@cd $(DEMO) && ../$(BIN)/sparkify-etl migrate
	@cd $(DEMO) && ../$(BIN)/sparkify-etl load
	@cd $(DEMO) && ../$(BIN)/sparkify-etl load
	@cd $(DEMO) && ../$(BIN)/sparkify-etl check --quiet
	@cd $(DEMO) && ../$(BIN)/sparkify-etl status
	@cd $(DEMO) && ../$(BIN)/sparkify-etl query top-songs --limit 5
	@cd $(DEMO) && ../$(BIN)/sparkify-etl report && echo "Open $(DEMO)/report.html"

test: $(READY) ## set up, and run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

kill: $(READY) ## kill 300 loads at any moment: each must leave one star or the other
	$(BIN)/python -m tests.support.kills --kills 300

parity: $(READY) ## 100 sets of generated data, five times the size: the same star on both databases, in any order
	$(BIN)/python -m pytest -n 2 tests/databases/redshift/test_redshift_load.py tests/databases/duckdb/test_orders.py -k "generated_data or any_order" --seeds 100 --scale 5

fuzz: $(READY) ## damage lines in 20,000 ways: the validator and DuckDB's reader must agree on each
	$(BIN)/python -m pytest tests/unit/test_lines.py -k damaged --hypothesis-profile=fuzz

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## rewrite the code as ruff wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## measure a load beside a hand-written script
	$(BIN)/python benchmarks/load.py

redshift-local: $(READY) ## start a stand-in for Redshift, and print what to set to use it
	$(BIN)/python -m standin

clean: ## remove what the other targets made
	rm -rf $(VENV) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache
