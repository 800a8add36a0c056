# Each target sets up what it needs by itself, says what is missing, and reuses what is there.

SCENARIO ?= upgrade
PROFILE  ?= quick
RUNS     ?= 10

LOCAL := $(or $(CARGO_TARGET_DIR),target)/debug/local
CHECK := .local/toolchain/venv-check/bin

.DEFAULT_GOAL := help
.PHONY: help demo up bench soak test iam-table saga check build toolchain toolchain-aws toolchain-check

help: ## Show this
	@echo "make demo [SCENARIO=upgrade|rollback|alarm|lag|refused|minor] [PROFILE=quick|rds]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The recipes that run `local` are one plain command each: make then runs it without a shell, and its signals reach it.
demo: toolchain build ## Upgrade a live PostgreSQL by the real functions under the real state machine, and watch
	@$(LOCAL) demo --scenario $(SCENARIO) --profile $(PROFILE)

up: toolchain-aws build ## Keep the platform, a database and its application running until Ctrl-C
	@$(LOCAL) up --profile $(PROFILE)

bench: toolchain build ## Measure the pauses of the workflow, and of the same steps by hand, RUNS times in turn
	@$(LOCAL) bench --runs $(RUNS)

soak: toolchain build ## Switch over and go back until 100 switches and 400,000 commits, for two hours at most
	@$(LOCAL) soak

test: toolchain build ## Run all tests, with real PostgreSQL servers; then look for permissions that none of them used
	@$(LOCAL) privileges clear
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace; else cargo test --workspace; fi
	@$(LOCAL) privileges check

iam-table: build ## Write docs/iam.md from the template
	@$(LOCAL) iam-table > docs/iam.md.new && mv docs/iam.md.new docs/iam.md

saga: toolchain build ## Let every state meet every fault, and write the results to docs/saga.md
	cargo nextest run --workspace --profile saga --no-capture
	cp .local/saga/saga.md docs/saga.md

check: toolchain-check ## Formatting, clippy, cfn-lint, sam validate
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	$(CHECK)/cfn-lint infra/template.yaml
	SAM_CLI_TELEMETRY=0 $(CHECK)/sam validate --lint --region eu-west-1 --template-file infra/template.yaml

build: toolchain ## Build the local platform and all functions
	cargo build --workspace

toolchain: ## Install PostgreSQL and moto under .local/toolchain
	@local/toolchain/setup

toolchain-aws:
	@local/toolchain/setup aws

toolchain-check:
	@local/toolchain/setup check
