# flink-operator. `make` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

export FLINK_OPERATOR_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/flink-operator
FLINK_VERSION ?= 1.20.5
# What the tests on real Flink run on besides.
FLINK_VERSION_2 ?= 2.2.1
SWIFT_BUILD := swift build
# Static Swift runtime: the binary then needs glibc, libstdc++, zlib and libyaml only.
RELEASE := -c release --static-swift-stdlib
RELEASE_BINARY = $(shell $(SWIFT_BUILD) $(RELEASE) --show-bin-path)/flink-operator
SOURCES := Package.swift Sources Tests

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

.PHONY: setup
setup: ## install missing packages (apt, where it may) and say what else is missing
	@deploy/local/setup

.PHONY: flink
flink: setup ## fetch Apache Flink into the cache and compile the example job
	@home=$$(deploy/local/fetch-flink $(FLINK_VERSION)) && examples/job/build "$$home" >/dev/null

.PHONY: flink-2
flink-2: flink
	@deploy/local/fetch-flink $(FLINK_VERSION_2) >/dev/null

.PHONY: demo
demo: flink release ## real Flink from one command; DEMO_EXIT=1 ends by itself
	@deploy/local/demo --operator "$(RELEASE_BINARY)" $(if $(DEMO_EXIT),--exit) $(DEMO_ARGS)

.PHONY: build
build: ## build for development
	@deploy/local/setup --build
	$(SWIFT_BUILD)

.PHONY: release
release: ## build the release binary
	@deploy/local/setup --build
	$(SWIFT_BUILD) $(RELEASE) --product flink-operator

.PHONY: test
test: flink-2 test-unit test-e2e ## run every test, real Flink included

.PHONY: test-build
test-build:
	@deploy/local/setup --build
	$(SWIFT_BUILD) --build-tests

# One after the other: what computes for a minute on every core would starve the tests that hold deadlines.
.PHONY: test-unit
test-unit: setup test-build ## run the tests that need no Flink
	swift test --skip-build --skip '^(EndToEnd|Simulation|Conformance|LocalCluster)Tests'
	swift test --skip-build --filter '^LocalClusterTests'
	swift test --skip-build --filter '^ConformanceTests'
	swift test --skip-build --filter '^SimulationTests'

.PHONY: test-e2e
test-e2e: flink-2 test-build ## run real Flink end to end
	swift test --skip-build --no-parallel --filter EndToEndTests

# With KUBECONFIG=… through that control plane, which must have no nodes; this machine joins it as one (root).
.PHONY: e2e
e2e: flink test-build ## drive real Flink through another control plane (KUBECONFIG=…), or as test-e2e without one
	$(if $(KUBECONFIG),deploy/local/e2e-join "$(KUBECONFIG)",swift test --skip-build --no-parallel --filter EndToEndTests)

# Without `swift test`, which holds the lines back until many minutes later where the output is no terminal.
.PHONY: e2e-kill
e2e-kill: flink test-build ## kill the operator (-9) at every boundary of a savepoint and of a last-state upgrade on real Flink
	FLINK_OPERATOR_E2E_BOUNDARIES=all "$$($(SWIFT_BUILD) --show-bin-path)"/flink-operatorPackageTests.xctest \
	  --testing-library swift-testing --filter KillBoundaryTests

.PHONY: conformance
conformance: setup test-build ## replay recordings of the real API: in process, then over HTTPS (KUBECONFIG: another cluster)
	@report=$$(mktemp); status=0; \
	  CONFORMANCE_REPORT=$$report swift test --skip-build --filter ConformanceTests || status=$$?; \
	  cat $$report; rm -f $$report; exit $$status

.PHONY: compat
compat: flink-2 test-build ## what of the Apache operator's contract is here, by the tests: fields, keys, examples
	@report=$$(mktemp); status=0; \
	  COMPAT_REPORT=$$report swift test --skip-build --filter '^(CompatibilityTests|EndToEndTests.ExamplesTests)' >$$report.log 2>&1 \
	    || { status=$$?; grep -E '✘|error' $$report.log; }; \
	  .ci/compat --report $$report || status=$$?; rm -f $$report $$report.log; exit $$status

SIM_WORKERS ?= $(shell nproc)
SIMULATE = $(shell $(SWIFT_BUILD) $(RELEASE) --show-bin-path)/simulate --workers $(SIM_WORKERS)

.PHONY: sim-build
sim-build:
	@deploy/local/setup --build
	$(SWIFT_BUILD) $(RELEASE) --product simulate

.PHONY: sim
sim: sim-build ## simulate each scenario × write or effect × fault (SIM=--sample: each sort of call × fault; SIM=--sweep: every call; PLAN="scenario plan": replay one)
	@$(SIMULATE) $(or $(PLAN),$(SIM),--matrix)

.PHONY: sim-walks
sim-walks: sim-build ## simulate random edits with random faults, from seed SEED (1), COUNT (300) of them
	@$(SIMULATE) --walks $(or $(SEED),1) $(or $(COUNT),300)

.PHONY: sim-mutants
sim-mutants: sim-build ## simulate without one guard at a time, and show by which plan each is missed
	@$(SIMULATE) --mutants
	@$(SIMULATE) --bugs

.PHONY: check
check: setup ## formatting, import order, and a build without warnings
	swift format lint --strict --recursive $(SOURCES)
	@.ci/check-imports
	FLINK_OPERATOR_STRICT=1 $(SWIFT_BUILD) --build-tests

.PHONY: format
format: ## format all Swift sources
	swift format --in-place --recursive $(SOURCES)

.PHONY: figures
figures: flink release ## measure binary size, idle memory and the time from apply to RUNNING
	@deploy/local/figures "$(RELEASE_BINARY)"

UPGRADES ?= 10
.PHONY: bench-upgrade
bench-upgrade: flink release ## measure where the time of UPGRADES savepoint upgrades goes
	@deploy/local/bench-upgrade --operator "$(RELEASE_BINARY)" --upgrades $(UPGRADES)

.PHONY: clean
clean: ## remove what was built (the cache of Flink stays)
	rm -rf .build

SEEDS ?= 1 2 3 4 5 6 7 8 9 10
.PHONY: demo-kill
demo-kill: flink release ## the demo, with the operator killed (-9) at a random moment, once for each of SEEDS
	@for seed in $(SEEDS); do \
	  deploy/local/demo --operator "$(RELEASE_BINARY)" --exit --kill-operator $$seed || exit 1; \
	done; echo "demo-kill: every run ended in the same state"
