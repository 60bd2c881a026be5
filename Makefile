# One command each; the first use makes .venv from the hashed lock.
PYTHON ?= python3
ARGS ?=
VENV := .venv
STAMP := $(VENV)/.locked
BIN := $(VENV)/bin
PG15_BIN ?= /usr/lib/postgresql/15/bin
# A file's tests stay together: they share what they have loaded.
PARALLEL ?= -n auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo run test test-pg15 check format bench tour lock chromium foreign

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Made again only when the lock or pyproject is newer than the stamp.
$(STAMP): requirements-dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## the demonstration programme, loaded and served (ARGS="--scale 0.1")
	$(BIN)/clusterledger demo $(ARGS)

run: $(STAMP) ## the service (ARGS="--port 8000")
	$(BIN)/clusterledger serve $(ARGS)

test: $(STAMP) chromium foreign ## all tests, on a real PostgreSQL of their own (ARGS="-k leaf"); pictures of the pages in build/screenshots
	CLUSTERLEDGER_SCREENSHOTS="$(CURDIR)/build/screenshots" $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-pg15: $(STAMP) chromium foreign ## all tests on an installed PostgreSQL 15 (PG15_BIN=its bin folder)
	@test -x $(PG15_BIN)/postgres || { echo "no PostgreSQL in $(PG15_BIN): apt-get install postgresql, or set PG15_BIN" >&2; exit 1; }
	CLUSTERLEDGER_TEST_POSTGRES_BIN=$(PG15_BIN) $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: $(STAMP) ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict ledger projections api
	$(BIN)/lint-imports

format: $(STAMP) ## let ruff format and repair what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## speed, each beside its limit in the same run (ARGS=--json)
	$(BIN)/python -m tests.bench $(ARGS)

tour: $(STAMP) chromium ## the pictures of docs/tour.md, from a small demonstration
	$(BIN)/python -m tests.web.tour --output docs/tour

# The page tests drive a real browser. Without its own windows Chromium opens pages three times as fast.
APT := apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=20
chromium:
	@if command -v chromium-headless-shell; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get && $(APT) update && DEBIAN_FRONTEND=noninteractive \
		$(APT) install -y chromium-headless-shell; then :; \
	elif command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
		DEBIAN_FRONTEND=noninteractive $(APT) install -y chromium; \
	else \
		echo "The page tests need Chromium: install your system's chromium package, then repeat." >&2; exit 1; \
	fi >/dev/null

# Verifiers of others check our proofs. Those in Python come with the lock; these two do not.
NODE := tests/foreign/node
foreign: $(NODE)/node_modules/.package-lock.json
	@if command -v go && test -d /usr/share/gocode/src/golang.org/x/mod; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
			--no-install-recommends golang-go golang-golang-x-mod-dev; \
	else \
		echo "Without Debian's golang-go and golang-golang-x-mod-dev, Go's verifier is left out." >&2; \
	fi >/dev/null

$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	@if command -v npm; then npm ci --silent --prefix $(NODE) && touch $@ || \
		{ echo "npm could not install @sigstore/verify: does it reach its registry (npm ping)?" >&2; exit 1; }; \
	else echo "Without npm, @sigstore/verify is left out." >&2; fi >/dev/null

# No index address and no host name goes into a lock: uv writes none unless asked.
LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)
lock: ## write the lock files anew (ARGS=--upgrade)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv $(LOCK) pyproject.toml -o requirements.lock
	$(BIN)/uv $(LOCK) pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv $(LOCK) --group build -c requirements-dev.lock -o requirements-build.lock
