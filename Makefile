# Every task of the project is one target here; `make` alone lists them. Each target may be run again at any time and keeps
# existing results.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The tests' Python environment, with servers and independent readers. Swift tests find its interpreter by this variable.
VENV := $(CURDIR)/.venv
export PAGEVIEWS_TEST_PYTHON := $(VENV)/bin/python
BINARY := .build/release/pageviews
# Refuse imports of targets that Package.swift does not declare as dependencies. Colours are a compiler argument, so without a
# fixed value a terminal and a pipe would each rebuild everything.
SWIFT_FLAGS := --explicit-target-dependency-import-check error --no-color-diagnostics
RUN := $(CURDIR)/.run
# The pinned librdkafka and SQLite, linked statically, where the system's are too old. Without it `swift build` uses the system's.
export PKG_CONFIG_PATH := $(shell scripts/libraries.sh path)

.PHONY: help setup libraries venv browser kafka shells build test integration prompt page demo up down check bench static install deb clean sanitize spark torture fuzz storage load simulate planted guarantees readers

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: libraries venv ## install missing Debian packages and the tests' Python environment

libraries:
	@scripts/setup.sh libraries

venv: libraries
	@scripts/setup.sh venv $(VENV)

# Not part of `setup`: only the integration tests need it.
kafka: libraries
	@scripts/setup.sh kafka

# Not part of `setup`: only the integration tests need them.
shells: libraries
	@scripts/setup.sh shells

# Not part of `setup`: only the page's suite needs it, and it is large.
browser: venv
	@scripts/setup.sh browser $(VENV)

build: libraries ## build the release binary, .build/release/pageviews
	@echo "build: $(BINARY)"
	@swift build -c release $(SWIFT_FLAGS) --product pageviews

test: setup browser kafka shells ## build, run all Swift tests, then the tests against real servers, of the prompt and of the page
	@scripts/test.sh $(VENV) swift integration prompt page

integration: setup kafka shells build ## run the integration tests only: make integration ARGS="-k idle"
	@$(VENV)/bin/python -m pytest Tests/Integration $(ARGS)

prompt: setup build ## test the prompt on a pseudo-terminal
	@scripts/test.sh $(VENV) prompt

page: setup browser build ## test the page in headless Chromium
	@scripts/test.sh $(VENV) page

# Not part of `test`: Spark is large, and each sanitizer needs its own build.
spark: setup kafka build ## test Spark as another writer of the tables; fails where Spark is unavailable
	@scripts/spark.sh $(CURDIR)/.venv-spark
	@$(VENV)/bin/python -m pytest Tests/Integration -m spark $(ARGS)

# Not part of `test`: ClickHouse is large, in each of its two versions.
readers: setup build ## read tables with open deletes with ClickHouse 25.8 and 26.9, polars, pyiceberg and duckdb
	@scripts/readers.sh $(CURDIR)/.venv-readers
	@$(VENV)/bin/python -m pytest Tests/Integration/test_lake_readers.py -s -m "readers or not readers" $(ARGS)

# Dictionaries have the same order in every run, so that a seed gives the same run.
simulate: libraries ## simulate the pipeline with faults: make simulate SEEDS=1000 FIRST=1, or REPLAY='SEED [FAULTS [STEPS]]'
	@swift build -c release $(SWIFT_FLAGS) --product simulate
	@SWIFT_DETERMINISTIC_HASHING=1 .build/release/simulate $(if $(REPLAY),--replay $(REPLAY),$(or $(SEEDS),1000) $(or $(FIRST),1))

# Not part of `test`: each bug is a build.
planted: libraries ## plant known bugs in a copy of the last commit, and look for each: make planted NAME="second-writer ..."
	@scripts/planted.sh $(NAME)

torture: setup kafka build ## kill the service at every step and at random: make torture KILLS=1000 SEED=1
	@scripts/torture.sh $(VENV) $(or $(KILLS),1000) $(or $(SEED),1)

# Apart from `test`, which has the same with a few seeds.
storage: setup build ## fail the disk under the service, cut the power, damage its files: make storage SEEDS=100 SEED=1
	@scripts/storage.sh $(VENV) $(or $(SEEDS),30) $(or $(SEED),1)

load: setup kafka build ## load beside readers, with bounds: make load MINUTES=10 RATE=full READERS=8
	@$(VENV)/bin/python Tests/Integration/load.py --binary $(BINARY) --minutes $(or $(MINUTES),10) --rate $(or $(RATE),full) \
	  --readers $(or $(READERS),8) $(ARGS)

guarantees: venv ## write docs/guarantees.md from docs/guarantees.toml and the results of make test
	@$(VENV)/bin/python scripts/guarantees.py write $(ARGS)

sanitize: setup ## run the Swift tests under AddressSanitizer, then ThreadSanitizer: make sanitize ARGS=address
	@scripts/sanitize.sh $(or $(ARGS),address thread)

# Targets of Tests/Fuzz; all where none is named. ADDRESS=1 adds the address sanitizer.
fuzz: libraries ## look for inputs that a reader mishandles: make fuzz TARGET=event RUNS=10000000
	@RUNS="$(RUNS)" ADDRESS="$(ADDRESS)" scripts/fuzz.sh run $(TARGET)

demo: build ## run the whole pipeline in one process, with a prompt; \q ends it
	@$(BINARY) demo

up: setup ## start a local broker, S3 and Iceberg catalog without containers
	@scripts/stack.sh up $(VENV) $(RUN)

down: ## stop what `make up` started; data stays in .run
	@scripts/stack.sh down $(VENV) $(RUN)

check: setup ## check format, lints and the repository's rules
	@scripts/check.sh $(VENV)

bench: setup build ## compare CPU, throughput and memory with minimal C programs
	@$(VENV)/bin/python Benchmarks/bench.py --binary $(BINARY) $(ARGS)

# A separate build folder, because the flag changes every object.
static: libraries
	@echo "build: .build-static/release/pageviews, with Swift's libraries inside"
	@swift build -c release --static-swift-stdlib --scratch-path .build-static $(SWIFT_FLAGS) --product pageviews

PREFIX ?= /usr/local
install: static ## install the binary, manual page, completions and unit file: make install PREFIX=/usr/local
	@scripts/package.sh install .build-static/release/pageviews "$(DESTDIR)" "$(PREFIX)"
	@echo "install: $(DESTDIR)$(PREFIX)/bin/pageviews"

deb: static ## build a Debian package in .build-static
	@scripts/package.sh deb .build-static/release/pageviews .build-static

clean: down ## stop local servers and delete build products, the Python environments and .run
	@rm -rf .build .build-static .build-address .build-thread .build-fuzz .build-fuzz-address .build-planted .venv .venv-spark .venv-readers .run
	@echo "clean: removed .build, .build-static, .build-address, .build-thread, .build-fuzz*, .build-planted, .venv, .venv-spark, .venv-readers and .run"
