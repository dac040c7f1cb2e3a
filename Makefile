# What newcomers and CI run. `make` alone lists it.
#
# Variables: ARGS, handed to the command line of `make demo` and `make bench`, as in
#   make demo ARGS="--agents 16 --calls 40"
#   make bench ARGS="--lanes 16 --slots 16 --capture --runs 5"

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
CARGO := cargo
FORGE := contracts/bin/forge
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help setup setup-build setup-lint build demo test contracts-all rust-built clients-test lint format bench vectors vectors-check \
	contracts contracts-test contracts-artifacts contracts-check contracts-coverage contracts-gas \
	contracts-vectors

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS='|' read -r target does; do printf '%-20s %s\n' "$$target" "$$does"; done

setup: ## install what building and testing need, where it is missing
	@scripts/setup.sh

setup-build:
	@scripts/setup.sh --build

setup-lint:
	@scripts/setup.sh --lint

build: setup-build ## build the aep2 program, optimised; needs no Node
	$(CARGO) build --release --locked -p aep2

demo: setup-build ## the whole life: agents buy, payees serve, batches settle; everything compared
	$(CARGO) run --release --locked -p aep2 -- demo $(ARGS)

test: setup ## all tests: contracts, crates, the examples in the documentation
	@# Compiling Solidity takes minutes, and one core.
	+$(MAKE) --no-print-directory --jobs=2 contracts-all rust-built
	@echo "cargo test: unit tests, integration tests (tests/it of each crate, tests/), documentation examples"
	$(CARGO) test --workspace --locked
	$(MAKE) --no-print-directory clients-test

contracts-all: setup
	@$(MAKE) --no-print-directory contracts-check
	@$(MAKE) --no-print-directory contracts-test

rust-built: setup
	$(CARGO) test --workspace --locked --no-run

# The program of `cargo test`, so that nothing is built again.
TARGET_FOLDER = $$($(CARGO) metadata --no-deps --locked --format-version 1 \
	| node -p 'JSON.parse(require("node:fs").readFileSync(0)).target_directory')

clients-test: setup ## the clients in other languages, x402's SDKs among them, against the real program
	$(CARGO) test --workspace --locked --no-run
	cd clients/typescript && npm run --silent build && npm test --silent
	cd clients/typescript && AEP2_BIN="$(TARGET_FOLDER)/debug/aep2" npm run --silent e2e
	cd clients/python && AEP2_BIN="$(TARGET_FOLDER)/debug/aep2" .venv/bin/python -m unittest

lint: setup-lint setup ## formatting and warnings of Rust, its documentation and Solidity; any fails
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@# With the examples: then dependencies are as they were for clippy, and are not checked again.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --lib --bins --examples --no-deps --document-private-items \
		--locked
	$(FORGE) fmt --check
	$(FORGE) lint --deny notes src

format: setup ## format all Rust and Solidity code
	$(CARGO) fmt --all
	$(FORGE) fmt

bench: setup-build ## measure set-up and proving of a full window on this machine
	$(CARGO) run --release --locked -p aep2 -- bench prove $(if $(ARGS),$(ARGS),--lanes 64 --slots 16)

vectors: setup ## make the test vectors again; fails if they differ from what git has (3 minutes)
	cd fixtures/generate && npm run --silent generate
	git --no-pager diff --exit-code --stat -- fixtures/vectors

vectors-check: setup ## the same, without touching the files
	cd fixtures/generate && npm run --silent check

contracts: setup ## compile the contracts and their tests (the first time takes minutes)
	$(FORGE) build

contracts-test: setup ## the contracts' tests; fails if what they measure is not what git has
	@# All of it: tests deploy from artifacts (test/base/Deployed.sol), and by itself `forge test` makes only its own.
	$(FORGE) build
	rm -rf contracts/cache/snapshots
	$(FORGE) test
	@diff -ru contracts/snapshots contracts/cache/snapshots || { \
		echo "Gas is not as in contracts/snapshots. If it should be: make contracts-gas, and commit."; exit 1; }

contracts-gas: setup ## measure gas and write contracts/snapshots
	$(FORGE) build
	rm -rf contracts/cache/snapshots
	$(FORGE) test --match-contract Gas
	rm -rf contracts/snapshots && cp -R contracts/cache/snapshots contracts/snapshots

contracts-vectors: setup-build ## make the proven batch again that the contracts' tests settle
	mkdir -p contracts/cache
	$(CARGO) run --release --locked -p aep2-prover --example batch_vector \
		>contracts/cache/batch.json
	mv contracts/cache/batch.json contracts/test/vectors/batch.json

contracts-artifacts: setup ## write contracts/artifacts, which the crates are built with
	node contracts/scripts/artifacts.mjs

contracts-check: setup ## compile the contracts and compare with contracts/artifacts
	node contracts/scripts/artifacts.mjs --check

contracts-coverage: setup ## lines and branches that the contracts' tests reach (minutes)
	node --test contracts/scripts/assembly.test.mjs
	node contracts/scripts/coverage.mjs
