# Everything here needs Go, gcc, make, git and bash, and nothing else. Other programs are built from pinned Go modules
# (test/e2e/tools) into .cache, which "make clean" removes. "make help" lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Any Go from 1.21 on will do: it fetches the toolchain that go.mod names, as it would a module, also where the machine's
# setting is "local". What keeps it from that is said in one line.
export GOTOOLCHAIN := auto
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
MISSING := $(shell .ci/toolchain)
ifneq ($(MISSING),)
$(error $(MISSING))
endif
# The programs are linked without debug information, so it is not compiled either: a tenth of the time. All of Go that runs
# below has the flag, and shares what is compiled.
NO_DWARF := -gcflags=all=-dwarf=false
export GOFLAGS := $(filter-out $(NO_DWARF),$(shell go env GOFLAGS)) $(NO_DWARF)
endif

CACHE := $(CURDIR)/.cache
BIN := $(CACHE)/bin
CRDS := $(CACHE)/crds
TOOLS := test/e2e/tools
BUILD := $(TOOLS)/build.sh

# How many inputs each fuzz target tries. Not a time: at its end Go 1.26 may fail a target that found nothing
# (https://go.dev/issue/75804).
FUZZTIME ?= 20000x
# Which benchmarks run, and for how long.
BENCH ?= .
BENCHTIME ?= 1s

# Where a release pushes its image.
IMAGE ?= ghcr.io/spegel-guard/spegel-guard

# Cgo and full file paths only where the race detector needs them: then programs, linter and end-to-end tests share what
# Go has compiled.
GO := CGO_ENABLED=0 go
GOTEST := $(GO) test -trimpath

# The API server to test against: the one in $KUBEBUILDER_ASSETS if that is set, else one built here.
ifdef KUBEBUILDER_ASSETS
CONTROL_PLANE :=
DEMO_ASSETS := echo $(KUBEBUILDER_ASSETS)
else
CONTROL_PLANE := $(BIN)/etcd $(BIN)/kube-apiserver $(BIN)/kubectl
DEMO_ASSETS := .ci/control-plane
endif
# Only its CustomResourceDefinitions, so that the API server checks what the monitoring component applies.
PROMETHEUS_OPERATOR := github.com/prometheus-operator/prometheus-operator@v0.85.0
# Only its copy of the PolicyReport's definition: the policy working group's own module is not served.
KYVERNO := github.com/kyverno/kyverno@v1.19.1
HELMRELEASE_CRD := $(CRDS)/helm.toolkit.fluxcd.io_helmreleases.yaml
MORE_CRDS := $(CRDS)/more/.copied

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## Build the program: .cache/bin/spegel-guard.
	@$(BUILD) . $(BIN)/spegel-guard ./cmd/webhook

.PHONY: demo
demo: answer $(HELMRELEASE_CRD) ## See a real API server refuse the incident and accept the fix. Takes minutes the first time.
	@$(BUILD) . $(BIN)/demo ./test/e2e/demo
	@assets=$$($(DEMO_ASSETS)); KUBEBUILDER_ASSETS=$$assets $(BIN)/demo

.PHONY: run
run: answer $(HELMRELEASE_CRD) ## Like demo, and stay up to try kubectl from another terminal; Ctrl-C ends it.
	@$(BUILD) . $(BIN)/demo ./test/e2e/demo
	@assets=$$($(DEMO_ASSETS)); KUBEBUILDER_ASSETS=$$assets $(BIN)/demo -stay

# What the program says of the incident, while the demo is yet to be built.
.PHONY: answer
answer: build
	@echo '$$ spegel-guard check examples/incident.yaml --config examples/policy.yaml'
	@$(BIN)/spegel-guard check examples/incident.yaml --config examples/policy.yaml || [[ $$? == 1 ]]
	@echo

# Packages whose tests need no cluster, and those of them that synchronize: there the race detector may find something. The
# black-box tests of pkg/fluxrepo and pkg/node, and those of pkg/cli that check all their repositories or run the program for
# each line of a script, take minutes with it, so they have it in test-long only; their rooms have it here too.
UNIT = $$(go list ./... | awk '!/\/test\/e2e(\/|$$)/')
CONCURRENT = $$(go list -f '{{.ImportPath}} {{join .Imports " "}}' ./pkg/... | awk '/ (golang.org\/x\/)?sync(\/| |$$)/ && $$1 !~ /\/pkg\/(fluxrepo|node)$$/ { print $$1 }')
NO_RACE := -skip '^(TestReportsAreStable|TestScripts)$$'
# Nothing is run twice except pkg/cli, which measures the memory of the program, and so without the race detector.
ALONE = $$(LC_ALL=C comm -23 <(printf '%s\n' $(UNIT)) <(printf '%s\n' $(CONCURRENT) | grep -v '/pkg/cli$$'))
# What is exhaustive is tried in part with -short, and in full without.
SHORT := -short
# Memory for time: the garbage collector takes a third of what many tests take.
FAST := GOGC=400
# For a test that hangs; one that only waits for the processor never takes so long.
TIMEOUT := 2h

.PHONY: test
test: test-unit test-race test-e2e ## Run all tests, the long ones in a smaller form.

.PHONY: test-long
test-long: ## Run all tests in full, all that need no cluster with the race detector too. Takes several times as long.
	@$(MAKE) test SHORT= CONCURRENT='$$(UNIT)' NO_RACE=

.PHONY: test-unit
test-unit: ## Run the tests that need no cluster, without those of test-race.
	$(FAST) $(GOTEST) $(SHORT) -timeout=$(TIMEOUT) $(ALONE)

.PHONY: test-race
test-race: ## Run the tests of packages that synchronize with the race detector.
	$(FAST) CGO_ENABLED=1 go test -race $(SHORT) $(NO_RACE) -timeout=$(TIMEOUT) $(CONCURRENT)

.PHONY: test-e2e
test-e2e: build assets assets-e2e ## Run the tests against a real API server.
	$(FAST) $(GOTEST) $(SHORT) -count=1 -timeout=$(TIMEOUT) ./test/e2e/...

.PHONY: lint
lint: $(BIN)/golangci-lint ## Run golangci-lint with .golangci.yml.
	CGO_ENABLED=0 GOFLAGS="$$(go env GOFLAGS) -trimpath" GOLANGCI_LINT_CACHE=$(CACHE)/golangci-lint \
		$(BIN)/golangci-lint run

.PHONY: vuln
vuln: $(BIN)/govulncheck ## Look for known vulnerabilities that the program calls. Asks vuln.go.dev, so it is no part of test.
	CGO_ENABLED=0 $(BIN)/govulncheck ./cmd/...

.PHONY: dist
dist: ## Make the files of a release in dist: VERSION=v1.2.3 DIGEST=sha256:... (of the image)
	@GOFLAGS='$(filter-out $(NO_DWARF),$(GOFLAGS))' .ci/dist '$(VERSION)' '$(IMAGE)' '$(DIGEST)' dist

.PHONY: generate
generate: build ## Write what is generated: docs/rules.md, docs/doctor.md.
	$(BIN)/spegel-guard rules -o markdown > docs/rules.md
	$(GOTEST) -count=1 ./pkg/cli -run TestDoctorPage -update

.PHONY: verify
verify: build ## Fail if generated files, formatting or go.mod are not what they should be.
	@$(BIN)/spegel-guard rules -o markdown > $(CACHE)/rules.md
	@git diff --no-index --exit-code docs/rules.md $(CACHE)/rules.md || \
		{ echo 'docs/rules.md is out of date: run "make generate"' >&2; exit 1; }
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .); [[ -z $$unformatted ]] || \
		{ echo "not formatted, run gofmt -w: $$unformatted" >&2; exit 1; }
	go mod tidy -diff

.PHONY: fuzz
fuzz: ## Run each fuzz target with FUZZTIME inputs (default 20000x).
	@shopt -s globstar nullglob; \
	for file in pkg/**/*_test.go; do \
		for target in $$(awk -F '[ (]' '/^func Fuzz/ { print $$2 }' "$$file"); do \
			echo "== $$target in $$file with $(FUZZTIME)"; \
			$(GOTEST) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
		done; \
	done

.PHONY: bench
bench: ## Run the benchmarks; BENCH picks them, BENCHTIME says how long each runs. Without BENCH, bench-admission and bench-check too.
	$(GOTEST) -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -timeout=30m ./pkg/...
ifeq ($(BENCH),.)
	@$(MAKE) bench-admission bench-check
endif

.PHONY: bench-check
bench-check: ## Compare what a check costs, side by side in one run, and write its section of docs/performance.md.
	PERFORMANCE=$(CURDIR)/docs/performance.md $(GOTEST) -run '^$$' -bench '^BenchmarkCheck$$' -benchtime 1x -timeout=30m ./pkg/fluxrepo

.PHONY: bench-admission
bench-admission: build assets $(MORE_CRDS) ## Compare what admission costs, side by side in one run, and write docs/performance.md.
	@$(BUILD) . $(BIN)/allowall ./test/e2e/allowall
	@$(BUILD) . $(BIN)/bench ./test/e2e/bench
	@$(BIN)/bench -allow $(BIN)/allowall -o docs/performance.md

.PHONY: assets
assets: $(CONTROL_PLANE) $(HELMRELEASE_CRD) ## Build etcd, kube-apiserver, kubectl and the HelmRelease CRD; minutes the first time.

.PHONY: assets-e2e
assets-e2e: $(MORE_CRDS) $(BIN)/kustomize-controller $(BIN)/flux $(BIN)/cert-manager $(BIN)/daemonset-controller $(BIN)/promql ## Build what only the end-to-end tests need: controllers, a query engine, more CRDs.

.PHONY: clean
clean: ## Remove .cache. Go's own caches stay, so building again takes seconds.
	rm -rf $(CACHE)

# Programs from tool modules. Each is built again when its module's pins change.

# In one build: Go goes on compiling while it links one of them. It is a pattern, so that make runs it once for all three.
# etcd comes with the version that kube-apiserver's module asks for, so that Go compiles what both use once.
%/etcd %/kube-apiserver %/kubectl: $(TOOLS)/kubernetes/etcd/main.go $(TOOLS)/kubernetes/go.mod $(TOOLS)/kubernetes/go.sum $(BUILD)
	@$(BUILD) $(TOOLS)/kubernetes $(BIN) ./etcd k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl
	@touch $(CONTROL_PLANE)

# After kube-apiserver, whose packages it shares.
$(BIN)/daemonset-controller: $(TOOLS)/kubernetes/daemonset-controller/main.go $(TOOLS)/kubernetes/go.mod $(TOOLS)/kubernetes/go.sum $(BUILD) | $(CONTROL_PLANE)
	@$(BUILD) $(TOOLS)/kubernetes $@ ./daemonset-controller

$(BIN)/golangci-lint: $(TOOLS)/golangci-lint/go.mod $(TOOLS)/golangci-lint/go.sum $(BUILD)
	@$(BUILD) $(TOOLS)/golangci-lint $@

$(BIN)/govulncheck: $(TOOLS)/govulncheck/go.mod $(TOOLS)/govulncheck/go.sum $(BUILD)
	@$(BUILD) $(TOOLS)/govulncheck $@

$(BIN)/controller-gen: $(TOOLS)/controller-gen/go.mod $(TOOLS)/controller-gen/go.sum $(BUILD)
	@$(BUILD) $(TOOLS)/controller-gen $@

# The module of helm-controller's API holds Go types only. controller-gen finds them through our go.mod, so the
# definition that the tests install is of the version that the program is compiled with.
$(HELMRELEASE_CRD): go.mod $(BIN)/controller-gen
	@$(BIN)/controller-gen crd paths=github.com/fluxcd/helm-controller/api/v2 output:crd:dir=$(CRDS)
	@touch $@

$(BIN)/kustomize-controller: $(TOOLS)/kustomize-controller/go.mod $(TOOLS)/kustomize-controller/go.sum $(BUILD)
	@$(BUILD) $(TOOLS)/kustomize-controller $@

# After kustomize-controller, whose packages it shares.
$(BIN)/flux: $(TOOLS)/flux/go.mod $(TOOLS)/flux/go.sum $(TOOLS)/flux/build.sh $(BUILD) | $(BIN)/kustomize-controller
	@$(BUILD) $(TOOLS)/flux $@

$(BIN)/cert-manager: $(wildcard $(TOOLS)/cert-manager/*) $(BUILD)
	@$(BUILD) $(TOOLS)/cert-manager $@ .

# A program of ours around Prometheus' engine.
$(BIN)/promql: $(wildcard $(TOOLS)/promql/*.go) $(TOOLS)/promql/go.mod $(TOOLS)/promql/go.sum $(BUILD)
	@$(BUILD) $(TOOLS)/promql $@ .

# These lie in the modules. The controllers' are of the versions of their APIs in our go.mod; kustomize-controller, which is
# built of an older one, reads what it knows of them.
$(MORE_CRDS): go.mod Makefile
	@rm -rf $(@D) && mkdir -p $(@D)
	@dir() { go mod download -json "$$1" | awk -F '"' '$$2 == "Dir" { print $$4 }'; }; \
	version() { go list -m -f '{{.Version}}' "$$1"; }; \
	for controller in github.com/fluxcd/{source,kustomize}-controller; do \
		cp "$$(dir "$$controller@$$(version "$$controller/api")")"/config/crd/bases/*.yaml $(@D); \
	done; \
	cp "$$(dir github.com/cert-manager/cert-manager)"/deploy/crds/*cert-manager.io_*.yaml $(@D); \
	cp "$$(dir $(PROMETHEUS_OPERATOR))"/example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,servicemonitors,prometheusrules}.yaml $(@D); \
	mkdir -p $(CRDS)/policyreport; \
	cp -f "$$(dir $(KYVERNO))"/config/crds/policyreport/wgpolicyk8s.io_policyreports.yaml $(CRDS)/policyreport
	@chmod -R u+w $(@D) $(CRDS)/policyreport
	@touch $@
