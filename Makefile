# The one way to build, try and test Anteroom, on a laptop and in CI alike.
#
#   make demo       the gateway with simulated Microsoft 365 and booking systems, nothing to configure
#   make quick      format, lints, tests on SQLite: what to run while writing
#   make test       everything CI runs: also PostgreSQL and the foreign clients; installs what it needs
#   make test-long  the same with ten times the cases and a million simulated stories: a night and more
#   make lint       format, lints, documentation, dependencies, scripts
#   make bench      the released program under load, beside the limit of the machine and other servers where they are
#                   installed; what grows with the room; the pure code; how long a change takes from side to side

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo quick test test-long lint bench conformance postgres postgres-stop venv image clean

help:
	@awk '!/^#/ { exit } { sub(/^# ?/, ""); print }' Makefile

demo:
	cargo run --locked --release -- demo $(ARGS)

quick:
	@conformance/rings.sh format lints tests

test:
	@conformance/rings.sh needs format lints tests-both documentation deployment clients

test-long:
	@ANTEROOM_TEST_SCALE=10 ANTEROOM_SIM_SCALE=100 PROPTEST_CASES=2560 conformance/rings.sh needs format lints tests-both documentation deployment clients

lint:
	@conformance/rings.sh format lints documentation dependencies scripts

bench:
	cargo bench --locked --bench load
	cargo bench --locked --bench load -- --laws
	cargo bench --locked --bench growth --bench hot -- $(ARGS)
	ANTEROOM_TEST_SCALE=10 cargo test --locked --release --test it walk::latency -- --nocapture

# One ring or one tool alone.
conformance: venv
	@conformance/rings.sh clients

postgres:
	@conformance/postgres.sh start

postgres-stop:
	@conformance/postgres.sh stop

venv:
	@conformance/needs.sh python

image:
	docker build --tag anteroom:local .

clean: postgres-stop
	cargo clean
