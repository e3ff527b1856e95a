# keyprof's chores. `make` alone lists them.

SHELL     := /bin/sh
VERSION   ?= $(shell scripts/version)
FUZZTIME  ?= 30s
# How long the tests of one package may take, on a slow machine that does other work
# beside.
TESTTIME  ?= 40m
# The date of what a release holds.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
LDFLAGS    = -s -w -X main.version=$(VERSION)
# Which keyprof is being built is told by VERSION alone: -buildvcs would fail in a
# clone that belongs to another user.
GOBUILD    = go build -trimpath -buildvcs=false

# The packages in which goroutines meet.
CONCURRENT = ./scanner/... ./sampler ./sampler/aggregate ./report/command

.DEFAULT_GOAL := help
.PHONY: help build test soak race matrix lint fuzz bench noise demo release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/keyprof
	CGO_ENABLED=0 $(GOBUILD) -ldflags "$(LDFLAGS)" -o bin/keyprof$(shell go env GOEXE) .

test: ## run the tests, in some minutes
	scripts/install-redis --with-stunnel
	go test -short -timeout $(TESTTIME) ./...

soak: ## run all tests, with those that test leaves out: grep -rn testing.Short
	scripts/install-redis --with-stunnel
	go test -timeout $(TESTTIME) ./...

race: ## run the tests of the packages that have goroutines with the race detector
	scripts/install-redis --with-stunnel
	CGO_ENABLED=1 go test -short -race -timeout $(TESTTIME) $(CONCURRENT)

matrix: ## test every server version that can be had; SERVERS="trixie/redis trixie/valkey" for a few; see scripts/servers.md
	scripts/install-redis
	scripts/matrix $(SERVERS)

lint: ## gofumpt, go vet, staticcheck, deadcode at pinned versions
	scripts/lint

fuzz: ## run every fuzz target for FUZZTIME (30s) each
	FUZZTIME=$(FUZZTIME) scripts/fuzz

bench: build ## measure speed, cost and samples; writes testdata/bench.md, bench.json; BENCHFLAGS="-pairs 5"
	scripts/install-redis
	go build -o bin/bench ./scripts/bench
	bin/bench -markdown testdata/bench.md -json testdata/bench.json $(BENCHFLAGS)

noise: ## measure how far MEMORY USAGE moves by itself; NOISEFLAGS="-restarts 10 -json FILE"
	scripts/install-redis
	go run ./scripts/noise $(NOISEFLAGS)

demo: build ## profile a throw-away server that shows two real incidents
	scripts/install-redis
	go run ./scripts/demo

release: ## cross build for linux, darwin and windows into dist/, with SHA256SUMS
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) go run ./scripts/release -version "$(VERSION)" -out dist

clean: ## remove what the other targets built
	rm -rf bin dist
