# Chama. `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m app.cli
PORT ?= 8000
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-color --progress-bar off --require-hashes -r
# A dot for each package that pip takes up, a line for the long step after them, and whatever else pip says but its small talk.
SHOW := 2>&1 | awk '/^(Collecting|Processing) / { printf "."; fflush(); next } \
  /^Installing collected packages/ { printf "\n%d packages are there; putting them in place …", gsub(/,/, "") + 1; fflush(); next } \
  /^(Using cached|Requirement already|Downloading|Ignoring|Looking in|Successfully|WARNING|  )/ { next } { print; fflush() } END { print "" }'
export CHAMA_PORT = $(PORT)

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/run.stamp: requirements/run.txt
	@$(PYTHON) -c 'import sys; sys.exit("Chama needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Choose another: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || { echo "Making the virtual environment …"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing pinned dependencies (about a minute the first time) …"
	@$(INSTALL) requirements/run.txt $(SHOW)
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "Installing what tests and checks need …"
	@$(INSTALL) requirements/dev.txt $(SHOW)
	@touch $@

run: $(VENV)/run.stamp  ## set everything up, serve on http://127.0.0.1:8000 (PORT=…), play the story once
	@CHAMA_OPERATOR_PHONES=$${CHAMA_OPERATOR_PHONES-+8610000000001} exec $(RUN) run

test: $(VENV)/dev.stamp browser spec compiled  ## all tests
	@$(BIN)/python -m pytest -q -n auto --dist loadfile $(TESTS)

check: $(VENV)/dev.stamp  ## everything that CI runs: style, types, floors, tests
	@echo "ruff …";    $(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@echo "mypy …";    $(BIN)/mypy
	@echo "floors …";  $(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

fix: $(VENV)/dev.stamp  ## format, and mend what can be mended by rule
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

browser:  ## a headless browser and a Chinese font for the page tests, when they are missing (Debian, as root)
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && { echo "Installing Chromium for the page tests …"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-wqy-microhei >/dev/null; }; } \
	  || echo "No Chromium here and no way to install it: the page tests will be skipped."

spec: $(VENV)/dev.stamp  ## Stripe's published OpenAPI document, which our stand-in is held to
	@$(BIN)/python -m tests.fakes.stripe.fetch_spec

compiled: $(VENV)/run.stamp  ## the planner's kernels on disk, which everything after finds there
	@$(BIN)/python -c "from app.cli import warm_planner; warm_planner()"

bench: $(VENV)/dev.stamp compiled  ## the table of speeds
	@$(BIN)/python -m bench

bench-routing: $(VENV)/dev.stamp compiled  ## the planner on the national network, beside graph libraries, and as it grows
	@$(BIN)/python -m bench.routing

bench-tracking: $(VENV)/dev.stamp compiled  ## partners' events and the public answer, with few stored events and with many (STORED=1000000)
	@$(BIN)/python -m bench tracking $(if $(STORED),--stored $(STORED))

chaos: $(VENV)/dev.stamp spec compiled  ## kill service, worker and PostgreSQL under load, then count what is there (KILLS=50, or 0 for LASTS=120 s of load alone; SEED=…)
	@$(BIN)/python -m tests.chaos --kills $(or $(KILLS),50) $(if $(LASTS),--seconds $(LASTS)) $(if $(SEED),--seed $(SEED))

demo: $(VENV)/run.stamp  ## play the story against the running service
	@CHAMA_OPERATOR_PHONES=$${CHAMA_OPERATOR_PHONES-+8610000000001} $(RUN) demo

migrate: $(VENV)/run.stamp  ## bring the database to this code's version
	@$(RUN) migrate

seed: $(VENV)/run.stamp  ## put the network in place
	@$(RUN) seed

openapi: $(VENV)/run.stamp  ## print the OpenAPI document
	@$(RUN) openapi

lock: $(VENV)/dev.stamp  ## derive requirements/*.txt from requirements/*.in: hashes, no addresses
	@$(BIN)/python -m pip install --quiet uv
	@cd requirements && ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header dev.in -o dev.txt \
	  && ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header run.in -c dev.txt -o run.txt

.PHONY: help run test check fix browser spec compiled bench bench-routing bench-tracking chaos demo migrate seed openapi lock
