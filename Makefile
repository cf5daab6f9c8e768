# make demo: set up, and run the main job on generated data.   make test: set up, and pass the tests.
# Nothing is needed but Python 3.11 or newer with pip, and make.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PLAIN  := $(VENV)/.plain
DEMO   := demo

# What test-lowest, test-newest, test-duckdb2 and test-py3* run: nothing is everything.  make test-lowest TESTS="$(UNIT)"
TESTS  ?=
UNIT   := tests/unit sparkify
# A file is one worker's, and the files come in the order of tests/conftest.py, the longest first.
PYTEST := -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The commands that tests start would compile every module of a new clone again.
unexport PYTHONDONTWRITEBYTECODE

VERSIONS := test-py311 test-py312 test-py313

.PHONY: demo test test-unit test-dialect test-lowest test-newest test-duckdb2 $(VERSIONS) coverage kill parity fuzz bombs \
        s3-faults loaders rejects signals canaries cuts io-faults power-loss certificates hostile torture lint format bench bench-growth redshift-local clean help

help:
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

# What a user has: sparkify and its report, and nothing that only its developers need. It may be the same environment.
$(PLAIN): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[report]'
	@touch $@

demo: $(PLAIN) ## generate data, migrate, load, load again, and show the result
	@test -d $(DEMO)/data || $(BIN)/sparkify-etl generate $(DEMO)/data --events 20000
	@cd $(DEMO) && ../$(BIN)/sparkify-etl migrate
	@cd $(DEMO) && ../$(BIN)/sparkify-etl load
	@cd $(DEMO) && ../$(BIN)/sparkify-etl load
	@cd $(DEMO) && ../$(BIN)/sparkify-etl check --quiet
	@cd $(DEMO) && ../$(BIN)/sparkify-etl status
	@cd $(DEMO) && ../$(BIN)/sparkify-etl query top-songs --limit 5
	@cd $(DEMO) && ../$(BIN)/sparkify-etl sql "SELECT level, count(*) AS plays FROM plays GROUP BY level ORDER BY level"
	@cd $(DEMO) && ../$(BIN)/sparkify-etl report && echo "Open $(DEMO)/report.html"

test: $(READY) ## set up, and run every test
	$(BIN)/python $(PYTEST) --durations=15

test-unit: $(READY) ## the tests that start and build nothing, and the examples in docstrings
	$(BIN)/python $(PYTEST) $(UNIT)

test-dialect: $(READY) ## SQLAlchemy's own suite for dialects, on the stand-in
	$(BIN)/python -m pytest -q -c tests/compliance/setup.cfg --confcutdir=tests/compliance tests/compliance/test_suite.py

# Each of these has an environment of its own below .venvs.
test-lowest: ## every test with the lowest versions that pyproject.toml allows
	test -x .venvs/lowest/bin/python || $(PYTHON) -m venv .venvs/lowest
	.venvs/lowest/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(PYTHON) -m tests.support.lowest > .venvs/lowest/constraints.txt
	.venvs/lowest/bin/python -m pip install --quiet --editable . --group test --constraint .venvs/lowest/constraints.txt
	.venvs/lowest/bin/python $(PYTEST) $(TESTS)

test-newest: ## every test with the newest versions that pyproject.toml allows, released ones
	test -x .venvs/newest/bin/python || $(PYTHON) -m venv .venvs/newest
	.venvs/newest/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venvs/newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable . --group test
	.venvs/newest/bin/python $(PYTEST) $(TESTS)

# duckdb-sqlalchemy may still require duckdb < 2: DuckDB is then replaced after it.
test-duckdb2: ## every test with DuckDB 2
	test -x .venvs/duckdb2/bin/python || $(PYTHON) -m venv .venvs/duckdb2
	.venvs/duckdb2/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venvs/duckdb2/bin/python -m pip install --quiet --editable . --group test
	.venvs/duckdb2/bin/python -m pip install --quiet --no-deps "duckdb>=2.0.1,<3"
	.venvs/duckdb2/bin/python $(PYTEST) $(TESTS)

.venvs/py3%/.ready: pyproject.toml
	python=$$(.ci/python 3.$*) && "$$python" -m venv .venvs/py3$*
	.venvs/py3$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venvs/py3$*/bin/python -m pip install --quiet --editable . --group test
	@touch $@

test-py311: ## every test on Python 3.11; likewise test-py312 and test-py313
$(VERSIONS): test-py3%: .venvs/py3%/.ready
	.venvs/py3$*/bin/python $(PYTEST) $(TESTS)

# What the stand-in does is not sparkify, and the acceptance tests run commands in processes of their own.
coverage: $(READY) ## which lines of sparkify the tests of units and databases reach; fails below the floor
	$(BIN)/python $(PYTEST) --cov --cov-report=term:skip-covered --cov-report=html \
	        tests/unit tests/databases sparkify --ignore tests/databases/standin

kill: $(READY) ## kill 300 loads at any moment: each must leave one star or the other
	$(BIN)/python -m tests.support.kills --kills 300

cuts: $(READY) ## cut the connection of 1,000 loads of the stand-in, 300 of them at a COMMIT that is not answered
	$(BIN)/python -m tests.support.cuts --cuts 1000

# make io-faults EVERY=10      one operation in ten of each
EVERY  ?= 1

io-faults: $(READY) ## kill, tear or fail each write, sync, cut, rename, link and removal of loads and migrations of DuckDB
	$(BIN)/python -m tests.support.io_faults --every $(EVERY)

power-loss: $(READY) ## 1,000 states of a disk whose power failed in loads of DuckDB: opened or repaired, and no load lost
	$(BIN)/python -m tests.support.power_loss --states 1000

parity: $(READY) ## 100 sets of generated data, five times the size, and 200 sequences of small files: the same star
	$(BIN)/python -m pytest -n 2 tests/databases/redshift/test_redshift_load.py tests/databases/duckdb/test_orders.py -k "generated_data or any_order" --seeds 100 --scale 5
	$(BIN)/python -m pytest -n 2 tests/databases/duckdb/test_orders.py -k late_days --seeds 200

fuzz: $(READY) ## mutate 200,000 lines: the validation, DuckDB's reader and its table must agree with a strict parser on each
	$(BIN)/python -m pytest tests/unit/test_lines.py -k damaged --hypothesis-profile=fuzz
	$(BIN)/python -m tests.support.line_fuzz --lines 200000

bombs: $(READY) ## gzip bombs and lines of 2 GB: refused before 64 MB of them are written, in 512 MB of address space
	$(BIN)/python -m pytest tests/databases/test_bombs.py --scale 64

s3-faults: $(READY) ## 500 loads whose S3 fails: each is complete, or says which object and has changed nothing
	$(BIN)/python -m pytest -n 2 tests/databases/test_s3_faults.py --seeds 500

loaders: $(READY) ## 100 rounds of eight loads at once on each database: each file once, losers told, readers served
	$(BIN)/python -m tests.support.loaders --rounds 100
	$(BIN)/python -m pytest tests/databases/redshift/test_redshift_loaders.py --scale 50

certificates: $(READY) ## six servers with a bad certificate, or without TLS: each is refused before a password is sent
	$(BIN)/python -m pytest tests/databases/redshift/test_redshift_certificates.py

hostile: $(READY) ## 1,000 hostile names in files, values, options and settings: none is run, and no terminal obeys
	$(BIN)/python -m tests.support.hostile --names 1000

rejects: $(READY) ## 100,000 files and one broken line on the stand-in: only its file is read here, in few statements
	$(BIN)/python -m pytest tests/databases/redshift/test_redshift_rejects.py -k few_statements --scale 1000

signals: $(READY) ## stop loads of both databases by each signal in every step: the exit code, and one line
	$(BIN)/python -m pytest tests/acceptance/test_signals.py --scale 2

canaries: $(READY) ## 300 runs with secrets in every place of the settings: none is in any output or file
	$(BIN)/python -m pytest tests/acceptance/test_canaries.py --scale 2

# make torture SCALE=0.1 SUITES="cuts power-loss"      all of it takes many hours
SUITES ?=

torture: $(READY) ## every suite of faults at its full size, and the table of docs/reliability.md
	$(BIN)/python -m tests.support.torture --scale $(SCALE) --only $(SUITES)

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## rewrite the code as ruff wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What is measured needs environments of its own, which are made below .bench and kept, and so are the data.
# make bench EVENTS="1000000 10000000" SONGS="15000 385000" FORMATS="plain gz" ROUNDS=5
EVENTS    ?= 1000000
SONGS     ?= 15000
FORMATS   ?= plain
ROUNDS    ?= 3
OPPONENTS ?= by_hand floor polars dbt sqlmesh dlt

bench: ## measure a first load beside a script by hand and other tools
	$(PYTHON) -m benchmarks.environments
	$(PYTHON) -m benchmarks.load --events $(EVENTS) --songs $(SONGS) --formats $(FORMATS) --rounds $(ROUNDS) \
	        --opponents $(OPPONENTS)

# make bench-growth PARTS="days big-day" SCALE=0.1      the whole takes an hour or two, and 20 GB of disk
PARTS ?= days big-day dimensions nothing-new start files month
SCALE ?= 1

bench-growth: ## measure one more day after a long history, a load of nothing, and the start
	$(PYTHON) -m benchmarks.environments sparkify
	$(PYTHON) -m benchmarks.growth --part $(PARTS) --scale $(SCALE) --rounds $(ROUNDS)

redshift-local: $(READY) ## start a stand-in for Redshift, and print what to set to use it
	$(BIN)/python -m standin

clean: ## remove what the other targets made
	rm -rf $(VENV) .venvs .bench $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .coverage htmlcov
