# The two commands that matter: `make demo` and `make test`. Both bring a container engine when none is usable.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

## demo: take a pull request on examples/shop through weighbridge, for real, and show the comment
.PHONY: demo
demo:
	scripts/demo

## test: format, lints, unit and integration tests, and the end-to-end tests on a real engine
.PHONY: test
test: lint unit e2e

## lint: formatting, clippy with warnings denied, licences and bans, workflows, the Dockerfile and the scripts
.PHONY: lint
lint:
	cargo fmt --check
	cargo clippy --locked --all-targets --all-features -- -D warnings
	scripts/deny
	scripts/lint-ci

## unit: tests that need no engine and no network
.PHONY: unit
unit:
	cargo test --locked

## fuzz: SECONDS_EACH seconds (60) of cargo-fuzz for each target, where a nightly toolchain is; `unit` runs them without
.PHONY: fuzz
fuzz:
	scripts/fuzz $(SECONDS_EACH)

## e2e: tests on the real engine
.PHONY: e2e
e2e:
	scripts/engine run -- cargo test --locked --features e2e --test e2e -- --test-threads=1

## bench: the figures of the README, each as a ratio measured in one run
.PHONY: bench
bench:
	scripts/engine run -- cargo bench --locked

## release: the static binary, for this machine's architecture
.PHONY: release
release:
	scripts/release

## schema: write the JSON Schemas under schema/
.PHONY: schema
schema:
	cargo run --quiet --locked -- schema config > schema/config.schema.json.tmp
	mv schema/config.schema.json.tmp schema/config.schema.json
	cargo run --quiet --locked -- schema report > schema/report.schema.json.tmp
	mv schema/report.schema.json.tmp schema/report.schema.json
	cargo run --quiet --locked -- schema inspect > schema/inspect.schema.json.tmp
	mv schema/inspect.schema.json.tmp schema/inspect.schema.json

## clean: stop the private engine and remove its data (downloads stay)
.PHONY: clean
clean:
	scripts/engine clean
	cargo clean

.PHONY: help
help:
	@grep -E '^## ' $(MAKEFILE_LIST) | sed 's/^## /  make /'
