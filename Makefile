# Every module of go.work, in the order in which they build.
MODULES := job sandbox infra
TOOLS   := go tool -modfile=$(CURDIR)/tools/go.mod

.PHONY: help
help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: lint
lint: ## Format check, vet and staticcheck; no warning left
	@unformatted=$$($(TOOLS) gofumpt -l $(MODULES)); if [ -n "$$unformatted" ]; then echo "run make fmt on:"; echo "$$unformatted"; exit 1; fi
	@for m in $(MODULES); do (cd $$m && go vet ./... && $(TOOLS) staticcheck ./...) || exit 1; done

.PHONY: fmt
fmt: ## Format every module
	@$(TOOLS) gofumpt -w $(MODULES)
