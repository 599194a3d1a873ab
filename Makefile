SHELL := /bin/bash
GO ?= go

.PHONY: help run test soak bench screenshots lint generate verify check

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t12

run: ## start a server with a few synthetic patients in it
	$(GO) run ./cmd/ingle serve --sandbox

test: ## install what is missing (PostgreSQL) and vet, and run every test
	./scripts/install-test-deps
	GO=$(GO) ./scripts/test

screenshots: ## make the pictures of the README anew
	./scripts/install-test-deps
	INGLE_IMAGES=$(CURDIR)/docs/images $(GO) test -count=1 -run TestTheREADMEs ./internal/browsertest

soak: ## the long runs: a million resources, long fuzzing, every set of the shared data
	./scripts/install-test-deps
	./scripts/soak

bench: ## the Go benchmarks, then the load benchmark against a server of its own
	./scripts/install-test-deps
	./scripts/bench

lint: ## golangci-lint with the list in .golangci.yml
	$(GO) tool -modfile=tools/go.mod golangci-lint run ./...

generate: ## make the generated files anew from their pinned inputs
	$(GO) generate ./...

verify: ## prove that the generated files are current
	./scripts/verify

check: lint verify test ## everything a change has to pass
