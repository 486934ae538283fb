# Every module of go.work, in the order in which they build.
MODULES := job sandbox infra
STACK   ?= dev

# The workspace decides where modules come from: GOWORK=off, or a -mod of the surroundings, would stop most of what is below.
export GOWORK  := $(CURDIR)/go.work
export GOFLAGS := $(strip $(filter-out -mod=% -modfile=%,$(GOFLAGS)) -mod=readonly)

# Without these parts of gRPC the job's binary is 13 MB smaller and starts 9 ms sooner: storage over gRPC (the job speaks
# HTTP) and the tracing of golang.org/x/net. The Dockerfile sets the same.
TAGS    := disable_grpc_modules,grpcnotrace

# How many packages are tested at once: one more than there are processors, since tests wait for servers.
ATONCE   = $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

# What a build says of itself; nothing where there is no clone.
VERSION  = $(shell git describe --tags --match 'v*' --always --abbrev=12 --dirty=-modified 2>/dev/null)
REVISION = $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION)

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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
	@for m in $(MODULES); do (cd $$m && go test -short -p $(ATONCE) ./...) || exit 1; done
	@cd infra && go test -count=1 ./image ./workflows # of files outside the module, whose changes the cache does not see

.PHONY: test-postgres
test-postgres: go ## Run the job's tests on PostgreSQL 14 to 18, as far as they are installed or can be; VERSIONS=17: on that one
	@tools/test-postgres.sh

.PHONY: e2e
e2e: go postgresql bin/gotestsum ## Deploy with the real gcloud and Pulumi into the sandbox; says what it skipped and why
	@cd sandbox && ../bin/gotestsum --format pkgname -- -count=1 -parallel 6 -timeout 30m ./e2e ./storage # they mostly wait

.PHONY: race
race: go postgresql ## Run the tests under the race detector, which takes four times as long
	@for m in $(MODULES); do (cd $$m && go test -race -short -timeout 40m ./...) || exit 1; done

.PHONY: soak
soak: go postgresql ## Run the randomised fault tests for long: make soak ROUNDS=5000
	@cd job && go test ./internal/reconcile -run "Random|Worlds" -count=1 -timeout 24h -parallel 8 -v -all -seed 0 -rounds $(or $(ROUNDS),2000)

.PHONY: bench
bench: postgresql bin/job ## Measure speed, memory and cost, and write bench/RESULTS.md and bench/chart.svg; LARGE=1: with 3,000,000 rows too; COMPARE=path: against another binary of the job
	@cd sandbox && go build -o ../bin/bench ./bench
	@bin/bench -job bin/job -dir bench $(if $(LARGE),-large) $(if $(COMPARE),-compare "$(COMPARE)")

.PHONY: lint
lint: bin/staticcheck ## Format, vet, staticcheck, workflows and licences; no warning left
	@unformatted=$$(bin/gofumpt -l $(MODULES)); if [ -n "$$unformatted" ]; then echo "run make fmt on:"; echo "$$unformatted"; exit 1; fi
	@for m in $(MODULES); do (cd $$m && go vet ./... && ../bin/staticcheck ./...) || exit 1; done
	@bin/actionlint
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run .github/scripts/* tools/*.sh; else echo "shellcheck is not installed: the scripts are not checked (Debian: apt-get install shellcheck)"; fi
	@($(LICENCES)) | diff docs/LICENCES.md - || { echo "run make licences"; exit 1; }
	@$(LICENCE_CHECK)

GO_LICENCES = GOWORK=off GOFLAGS=-tags=$(TAGS) ../bin/go-licenses
LICENCES    = cd job && $(GO_LICENCES) report . --ignore vertexmetadata --template ../tools/licences.tmpl 2>/dev/null

# No module, not even one that only tests or checks, may bring terms that bind what is built with it.
PACKAGES      = $$([ $$m = tools ] && sed -n '/^tool (/,/^)/s/^\t//p' go.mod || echo ./...)
LICENCE_CHECK = for m in $(MODULES) tools; do \
	out=$$(cd $$m && $(GO_LICENCES) check $(PACKAGES) --include_tests --ignore vertexmetadata --disallowed_types=forbidden,restricted 2>&1) || \
		{ echo "$$out" | grep -v '^[EW/]'; echo "A module that $$m uses has terms that bind what is built with it; use another."; exit 1; }; done

.PHONY: licences
licences: bin/staticcheck ## List what the job is built of in docs/LICENCES.md
	@($(LICENCES)) > docs/LICENCES.md

.PHONY: vulnerabilities
vulnerabilities: bin/govulncheck ## Look for known vulnerabilities in what every module uses, tools included
	@for m in $(MODULES) tools; do echo "$$m:"; \
		out=$$(cd $$m && GOWORK=off ../bin/govulncheck $(PACKAGES) 2>&1); status=$$?; echo "$$out"; case "$$out" in *"fetching vulnerabilities"*) \
			echo "Nothing was checked: the database of vulnerabilities cannot be reached. Set GOVULNDB to a mirror of it, or run make vulnerabilities elsewhere.";; \
		esac; [ $$status = 0 ] || exit $$status; done

.PHONY: fmt
fmt: bin/gofumpt ## Format every module
	@bin/gofumpt -w $(MODULES)

.PHONY: plan
plan: go ## Print every resource of a stack, offline: make plan STACK=prod; FORMAT=mermaid: as a graph; FORMAT=json
	$(if $(filter command,$(firstword $(origin stack)) $(firstword $(origin format))),$(error write STACK and FORMAT in capitals: make plan STACK=prod))
	@go run ./infra/plan -stack $(STACK) -format $(or $(FORMAT),text)

.PHONY: own-stacks
own-stacks: go ## Prove in a clone that the checks pass with the stack files of somebody else: another project, region, repository, instance
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && git clone --quiet . "$$dir" && cd "$$dir" && for stack in dev prod theirs; do \
		printf 'config:\n  gcp:project: their-project\n  gcp:region: europe-west1\n  vertex-metadata:cloudSqlInstance: their-db:europe-west1:main\n  vertex-metadata:artifactRepository: their-images\n' > Pulumi.$$stack.yaml && \
		GOWORK="$$dir/go.work" go run ./infra/plan -against "" -stack $$stack > plan.txt && grep -q their-images plan.txt || exit 1; done && \
		GOWORK="$$dir/go.work" go test -short ./infra/... ./sandbox/controlplane/...

.PHONY: smoke
smoke: go ## Prove a deployment in a real project and leave nothing behind: make smoke PROJECT=my-project STACK=dev
	@[ -n "$(PROJECT)" ] || { echo "Name the project: make smoke PROJECT=my-project"; exit 1; }
	@go run ./infra/smoke -project $(PROJECT) -settings Pulumi.$(STACK).yaml

.PHONY: bootstrap
bootstrap: go ## Create once what GitHub needs to deploy: infra/bootstrap/README.md
	@command -v pulumi >/dev/null || { echo "Install the Pulumi CLI (https://www.pulumi.com/docs/install/), then run make again."; exit 1; }
	@cd infra/bootstrap && pulumi up --stack $(or $(BOOTSTRAP),main)

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
	@cd job && CGO_ENABLED=0 go build -tags $(TAGS) -trimpath -ldflags "$(LDFLAGS)" -o ../bin/job .
bin/sandbox: go
	@[ -e $@ ] || echo "Building $@, which takes a minute or two the first time ..." >&2
	@cd sandbox && go build -o ../bin/sandbox .

# The job for every platform, as a release has it.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

.PHONY: release
release: go ## Build the job for every platform into dist/, with checksums
	@rm -rf dist && mkdir dist
	@for p in $(PLATFORMS); do os=$${p%/*}; arch=$${p#*/}; suffix=; [ $$os = windows ] && suffix=.exe; \
		(cd job && GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 go build -tags $(TAGS) -trimpath -buildvcs=false \
			-ldflags "$(LDFLAGS)" -o ../dist/job_$(VERSION)_$${os}_$$arch$$suffix .) || exit 1; done
	@cd dist && sha256sum job_* > SHA256SUMS && cat SHA256SUMS

# The tools are pinned in a module of their own, so that they are no dependency of what we ship.
bin/gofumpt bin/gotestsum bin/govulncheck: bin/staticcheck
bin/staticcheck: tools/go.mod tools/go.sum
	@cd tools && GOWORK=off go build -o ../bin/ tool
