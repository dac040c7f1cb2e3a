# What newcomers and CI run. `make` alone lists it.
#
# Variables: ARGS, handed to the command line of `make demo` and `make bench`, as in
#   make demo ARGS="--shape 64x16"
#   make bench ARGS="--lanes 16 --slots 16 --capture --runs 5"

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
CARGO := cargo
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help setup setup-build setup-lint build demo test lint format bench vectors vectors-check

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
		| while IFS='|' read -r target does; do printf '%-16s %s\n' "$$target" "$$does"; done

setup: ## install what building and testing need, where it is missing
	@scripts/setup.sh

setup-build:
	@scripts/setup.sh --build

setup-lint:
	@scripts/setup.sh --lint

build: setup-build ## build the aep2 program, optimised; needs no Node
	$(CARGO) build --release --locked -p aep2

demo: setup-build ## signed mandates, their proof, and its verification, with figures
	$(CARGO) run --release --locked -p aep2 -- demo $(ARGS)

test: setup ## all tests of all crates, the examples in the documentation included
	@echo "cargo test: unit tests, integration tests (tests/it of each crate), documentation examples"
	$(CARGO) test --workspace --locked

lint: setup-lint ## formatting, clippy and rustdoc; any warning fails
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked

format: ## format all Rust code
	$(CARGO) fmt --all

bench: setup-build ## measure set-up and proving of a full window on this machine
	$(CARGO) run --release --locked -p aep2 -- bench prove $(if $(ARGS),$(ARGS),--lanes 64 --slots 16)

vectors: setup ## make the test vectors again; fails if they differ from what git has (3 minutes)
	cd fixtures/generate && npm run --silent generate
	git --no-pager diff --exit-code --stat -- fixtures/vectors

vectors-check: setup ## the same, without touching the files
	cd fixtures/generate && npm run --silent check
