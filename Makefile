# Every module of go.work, in the order in which they build.
MODULES := job sandbox infra
STACK   ?= dev

# Without these parts of gRPC the job's binary is 13 MB smaller and starts 9 ms sooner: storage over gRPC (the job speaks
# HTTP) and the tracing of golang.org/x/net. The Dockerfile sets the same.
TAGS    := disable_grpc_modules,grpcnotrace

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: go postgresql bin/job bin/sandbox ## See the whole system at work on this machine, without an account; STACK=x: with your stack
ifeq ($(origin STACK),command line)
	@plan=$$(go run ./infra/plan -stack $(STACK) -json) && echo "$$plan" | bin/sandbox demo --job bin/job --plan -
else
	@bin/sandbox demo --job bin/job
endif

.PHONY: plan-demo
plan-demo: go ## Write the plan that make demo deploys
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && cp Pulumi.yaml sandbox/testdata/Pulumi.demo.yaml "$$dir" && \
		go run ./infra/plan -project "$$dir" -stack demo -json > "$$dir/demo.json" && mv "$$dir/demo.json" sandbox/testdata/demo.json

.PHONY: serve
serve: go postgresql bin/job bin/sandbox ## Start the stand-ins and print the environment that points the job at them
	@bin/sandbox serve

.PHONY: serve-project
serve-project: go postgresql bin/job bin/sandbox ## Start a project too, for gcloud and pulumi up, with bin/sandbox.env and Pulumi.sandbox.yaml
	@bin/sandbox serve --project --job bin/job --env bin/sandbox.env --stack Pulumi.sandbox.yaml

.PHONY: test
test: go postgresql ## Run every test but the slow ones of make e2e
	@for m in $(MODULES); do (cd $$m && go test -short ./...) || exit 1; done

.PHONY: e2e
e2e: go postgresql ## Deploy with the real gcloud and Pulumi into the sandbox, where they are installed
	@cd sandbox && go test -count=1 -timeout 15m ./e2e ./storage

.PHONY: soak
soak: go postgresql ## Run the randomised fault tests for long: make soak ROUNDS=5000
	@cd job && go test ./internal/metadatasync -run Random -count=1 -timeout 24h -v -rounds $(or $(ROUNDS),2000)

.PHONY: bench
bench: postgresql bin/job ## Measure speed, memory and cost, and write bench/RESULTS.md; LARGE=1: with 3,000,000 rows too
	@cd sandbox && go build -o ../bin/bench ./bench
	@bin/bench -job bin/job -dir bench $(if $(LARGE),-large)

.PHONY: lint
lint: bin/staticcheck ## Format check, vet and staticcheck; no warning left
	@unformatted=$$(bin/gofumpt -l $(MODULES)); if [ -n "$$unformatted" ]; then echo "run make fmt on:"; echo "$$unformatted"; exit 1; fi
	@for m in $(MODULES); do (cd $$m && go vet ./... && ../bin/staticcheck ./...) || exit 1; done
	@($(LICENCES)) | diff docs/LICENCES.md - || { echo "run make licences"; exit 1; }

LICENCES = cd job && GOWORK=off GOFLAGS=-tags=$(TAGS) ../bin/go-licenses report . --ignore vertexmetadata --template ../tools/licences.tmpl 2>/dev/null

.PHONY: licences
licences: bin/staticcheck ## List what the job is built of in docs/LICENCES.md
	@($(LICENCES)) > docs/LICENCES.md

.PHONY: fmt
fmt: bin/gofumpt ## Format every module
	@bin/gofumpt -w $(MODULES)

.PHONY: plan
plan: go ## Print every resource of a stack, offline: make plan STACK=prod
	@go run ./infra/plan -stack $(STACK)

# Says what to do where Go is missing or old: what Go says itself about a go.work it cannot read helps nobody.
.PHONY: go
go:
	@case "$$(go env GOVERSION 2>/dev/null)" in *go1.2[6-9]*|*go1.[3-9][0-9]*) ;; \
		*) echo "Install Go 1.26 or later (https://go.dev/dl), then run make again."; exit 1;; esac

# PostgreSQL's own binaries, which tests and the sandbox run; installed only where they are missing from the places in
# which sandbox/postgres looks. Debian keeps them out of PATH.
POSTGRESQL = /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
	/home/linuxbrew/.linuxbrew/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/*/bin

.PHONY: postgresql
postgresql:
	@command -v postgres >/dev/null && exit; for bin in $(POSTGRESQL); do [ -x "$$bin/postgres" ] && exit; done; \
	if command -v brew >/dev/null; then echo "Installing PostgreSQL, which the sandbox runs ..."; brew install postgresql@17; exit; fi; \
	if command -v apt-get >/dev/null && sudo=$$([ "$$(id -u)" = 0 ] || command -v sudo); then \
		echo "Installing PostgreSQL, which the sandbox runs ..."; $$sudo apt-get update -q && $$sudo apt-get install -qy postgresql; exit; fi; \
	echo "Install PostgreSQL with your system's package manager (Debian: apt-get install postgresql, as root), then run make again."; exit 1

.PHONY: bin/job bin/sandbox
bin/job: go # go build knows itself what is up to date
	@[ -e $@ ] || echo "Building $@, which takes a minute or two the first time ..." >&2
	@cd job && CGO_ENABLED=0 go build -tags $(TAGS) -trimpath -ldflags "-s -w" -o ../bin/job .
bin/sandbox: go
	@[ -e $@ ] || echo "Building $@, which takes a minute or two the first time ..." >&2
	@cd sandbox && go build -o ../bin/sandbox .

# The linters are pinned in a module of their own, so that they are no dependency of what we ship.
bin/gofumpt: bin/staticcheck
bin/staticcheck: tools/go.mod tools/go.sum
	@cd tools && GOWORK=off go build -o ../bin/ tool
