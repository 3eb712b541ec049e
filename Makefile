# `make` alone explains the targets. Everything that is built, downloaded or kept lies in .local/.

BIN   := .local/bin
TOOLS := $(BIN)/.tools

# Temporal takes a test or two of some seconds, a whole life of a link some minutes.
TEST_TIMEOUT := 20m

.DEFAULT_GOAL := help
.PHONY: help build demo test test-histories lint tidy bench bench-links bench-harvest bench-idle bench-leases bench-match bench-weave bench-api bench-freshness bench-explain factory-model guide-pictures fuzz check generate tools tctl services clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build worker and starter into bin/
	go build -trimpath -o bin/ ./worker ./starter

# A program of its own, not `go run`: signals and the exit code are its own then.
demo: ## live the life of a link on this machine (ONCE=1 ends after the report)
	@mkdir -p $(BIN)
	@echo "building the demonstration"
	@go build -buildvcs=false -o $(BIN)/demo ./deploy/local
	@exec $(BIN)/demo $(if $(ONCE),--once)

test: services ## run every test on a real PostgreSQL and Temporal
	@race=-race; \
	if [ "$$(go env CGO_ENABLED)" != 1 ]; then race=; echo "no C compiler found: testing without the race detector"; fi; \
	CALLWEAVE_REQUIRE_SERVICES=1 go test $$race -timeout $(TEST_TIMEOUT) ./...
	CALLWEAVE_REQUIRE_SERVICES=1 go -C deploy/check test -timeout $(TEST_TIMEOUT) ./...

test-histories: services ## live 200 random histories of links (CALLWEAVE_HISTORIES=n for another number)
	CALLWEAVE_REQUIRE_SERVICES=1 CALLWEAVE_HISTORIES=$(or $(CALLWEAVE_HISTORIES),200) \
		go test -timeout $(TEST_TIMEOUT) -count 1 -run TestHistories ./activities

bench: services ## run the benchmarks
	CALLWEAVE_REQUIRE_SERVICES=1 go test -run '^$$' -bench . -benchmem ./...

bench-links: services ## measure the authorize round trip and the list of links
	CALLWEAVE_REQUIRE_SERVICES=1 go test -run '^$$' -bench AuthorizeRoundTrip -benchtime 50x ./internal/authorize
	CALLWEAVE_REQUIRE_SERVICES=1 go test -run '^$$' -bench ListLinks -benchtime 4000x -benchmem ./internal/authorize

bench-harvest: services ## measure a day of a large account: samples a second against a bare COPY, memory, requests
	CALLWEAVE_REQUIRE_SERVICES=1 go test -run '^$$' -bench . -benchtime 1x -timeout $(TEST_TIMEOUT) ./internal/harvestbench

bench-idle: services ## measure what linked accounts with nothing new cost, in about 8 minutes (CALLWEAVE_IDLE_ACCOUNTS=n for another number)
	@CALLWEAVE_REQUIRE_SERVICES=1 CALLWEAVE_IDLE_ACCOUNTS=$(or $(CALLWEAVE_IDLE_ACCOUNTS),5000) \
		go test -run '^$$' -bench Idle -benchtime 1x -timeout 30m ./activities

bench-leases: services ## measure what a day of leases takes of an org of 5,000 clients, in about 5 minutes
	CALLWEAVE_REQUIRE_SERVICES=1 go test -run '^$$' -bench LeaseBytes -benchtime 1x -timeout $(TEST_TIMEOUT) ./internal/collect

bench-match: services ## measure how well legs are matched, on worlds that nothing was tried on
	go test -v -run '^$$' -bench MatchQuality -benchtime 1x ./internal/correlate
	CALLWEAVE_REQUIRE_SERVICES=1 CALLWEAVE_WORLD_SEED=101 go test -count 1 -v -run WeaveAgreesWithTheWorld ./internal/weave

bench-weave: services ## measure weaving a day against a bare COPY and against SQL (CALLWEAVE_WEAVE_SAMPLES=n media samples, 2 million unless said)
	go test -run '^$$' -bench Join ./internal/correlate
	@CALLWEAVE_REQUIRE_SERVICES=1 CALLWEAVE_WEAVE_SAMPLES=$(or $(CALLWEAVE_WEAVE_SAMPLES),2000000) \
		go test -timeout $(TEST_TIMEOUT) -run '^$$' -bench . -benchtime 1x -v ./internal/weavebench

bench-api: services ## measure the calls API against its bare queries, over 10 million call minutes (CALLWEAVE_API_MINUTES=n for another number; the database is kept)
	CALLWEAVE_REQUIRE_SERVICES=1 go test -run '^$$' -bench API -benchtime 1x -timeout 120m ./internal/apibench

bench-freshness: services ## measure how soon call minutes can be queried, over a simulated day, in about 5 minutes
	CALLWEAVE_REQUIRE_SERVICES=1 go test -timeout $(TEST_TIMEOUT) -run '^$$' -bench Freshness -benchtime 1x ./activities

bench-explain: ## measure how often explanations name the true cause, beside thresholds, z-scores and XGBoost (Debian's, installed by root where missing)
	@/usr/bin/python3 -c 'import xgboost' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get install -y --no-install-recommends python3-xgboost >/dev/null 2>&1 || { apt-get update -q >/dev/null && apt-get install -y --no-install-recommends python3-xgboost >/dev/null; }; }; } || \
		echo "python3-xgboost cannot be installed: going without that column"
	go test -timeout 90m -run '^$$' -bench Explain -benchtime 1x -v ./internal/explainbench

factory-model: ## train the model for orgs with too little data on simulated worlds, in about a minute
	go generate ./internal/explain/factory

guide-pictures: services ## take the pictures of docs/marketplace anew, from a life of a link in a simulated world
	@mkdir -p docs/marketplace/pictures
	CALLWEAVE_REQUIRE_SERVICES=1 CALLWEAVE_GUIDE_PICTURES="$(CURDIR)/docs/marketplace/pictures" \
		go test -timeout $(TEST_TIMEOUT) -count 1 -run TestTheConsoleInABrowser ./deploy/local

FUZZ_TIME := 10m

fuzz: ## feed the decoders what nobody sends, one after the other (FUZZ_TIME=10m each)
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
		for target in $$(grep -h --include='*_test.go' -o '^func Fuzz[A-Za-z]*' $$dir/*_test.go | cut -c6-); do \
			echo "$$dir $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ_TIME) $$dir || exit 1; \
		done; \
	done

lint: tools ## hold the code to the rules: linters, determinism, generated code, modules
	$(BIN)/golangci-lint run
	$(BIN)/workflowcheck -config workflowcheck.config.yaml ./workflows/...
	$(BIN)/sqlc diff
	go mod tidy -diff
	go -C deploy/check mod tidy -diff # after a change of go.mod: make tidy
	go -C deploy/check vet ./...

tidy: ## tidy the modules of the programs and of what checks their deployment
	go mod tidy
	go -C deploy/check mod tidy

check: lint test ## everything that must be green before a merge

generate: tools ## write the typed queries from the SQL
	$(BIN)/sqlc generate

tools: $(TOOLS) ## build the pinned development tools

$(TOOLS): tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	@echo "building golangci-lint, sqlc and workflowcheck: once, some minutes on a cold cache"
	@GOBIN="$(CURDIR)/$(BIN)" go -C tools install tool
	@touch $@

# A module of its own: what it needs is of another age.
tctl: $(BIN)/tctl ## build the older command line of Temporal, which the test of docs/operate.md then uses

$(BIN)/tctl: tools/tctl/go.mod tools/tctl/go.sum
	@mkdir -p $(BIN)
	@echo "building tctl: once, a minute or two on a cold cache"
	@CGO_ENABLED=0 go -C tools/tctl build -trimpath -o "$(CURDIR)/$@" github.com/temporalio/tctl/cmd/tctl

services: ## install PostgreSQL and Chromium, build Temporal, get promtool where they are missing
	@go run ./internal/localpg/ensure
	@go run ./internal/browser/ensure
	@go run ./internal/localtemporal/build $(BIN)
	@deploy/grafana/get-promtool $(BIN)

# Started by root, a cluster may lie elsewhere; a link leads there.
clean: ## remove bin/ and the state of the demo, keep the tools (ALL=1 removes them too)
	rm -rf bin
	@if [ -d .local ]; then find .local -name elsewhere -type l -lname '*/callweave-postgres-*' | \
		while read -r link; do rm -rf "$$(readlink "$$link")"; done; fi
	@if [ -d .local ]; then find .local -mindepth 1 -maxdepth 1 $(if $(ALL),,! -name bin) -exec rm -rf {} +; fi
