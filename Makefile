# Every module of go.work, in the order in which they build.
MODULES := job sandbox infra

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: lint
lint: bin/staticcheck ## Format check, vet and staticcheck; no warning left
	@unformatted=$$(bin/gofumpt -l $(MODULES)); if [ -n "$$unformatted" ]; then echo "run make fmt on:"; echo "$$unformatted"; exit 1; fi
	@for m in $(MODULES); do (cd $$m && go vet ./... && ../bin/staticcheck ./...) || exit 1; done

.PHONY: fmt
fmt: bin/gofumpt ## Format every module
	@bin/gofumpt -w $(MODULES)

# The linters are pinned in a module of their own, so that they are no dependency of what we ship.
bin/gofumpt bin/staticcheck &: tools/go.mod tools/go.sum
	@cd tools && GOWORK=off go build -o ../bin/ tool
