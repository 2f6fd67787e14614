# Plain `make` lists the targets. Each one makes the checkout ready first, which is quick when nothing is to do.
# Sources are checked with the tools of .venv only, so that everyone's answer is the same.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test check test-unit test-integration test-e2e bench run gh-pvdify docs clean lint python

bin := .venv/bin
python_sources := src tests tools bench examples
shell_sources := tools/setup tools/lock tools/build-sample .ci/run gh-pvdify/gh-pvdify src/pvdify/adapters/systemd/keeper.sh

help: ## list the targets
	@echo "make TARGET"
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' \
	    | while IFS=$$'\t' read -r name text; do printf '  %-18s %s\n' "$$name" "$$text"; done

setup: ## install what is missing: Debian packages, a container runtime that works, .venv (root on Debian 12)
	@tools/setup

demo: setup ## deploy, fail and roll back under load on this machine, with the numbers; cleans up after itself
	@$(bin)/python -m tools.demo $(ARGS)

test: setup lint ## everything: lint, types, import directions, fresh docs and all tests
	$(bin)/pytest

check: python lint ## the same without containers: needs neither root nor Debian
	$(bin)/pytest tests/unit tests/contract -m "not podman and not router and not e2e and not slow"

test-unit: python ## unit tests only, in seconds
	$(bin)/pytest tests/unit -m "not slow"

test-integration: setup ## tests against the real podman, router and database
	$(bin)/pytest tests/integration tests/contract

test-e2e: setup ## tests that start a whole server, with load across a switch
	$(bin)/pytest tests/e2e

bench: setup ## measure everything that is promised, and write bench/results.md
	@$(bin)/python -m bench

run: setup ## start a server of your own on loopback, with its data in .cache/run
	@mkdir -p .cache
	@echo "export PVDIFY_URL=http://127.0.0.1:9443 PVDIFY_TOKEN=\$$(cat $(CURDIR)/.cache/run/admin.token)"
	@$(bin)/pvdifyd --data-dir $(CURDIR)/.cache/run --listen 127.0.0.1:9443 --router-listen 127.0.0.1:9080 \
	    --base-domain pvdify.localhost $(ARGS)

gh-pvdify: python ## pack the command line for the extension of GitHub's, gh-pvdify/pvdify.pyz
	$(bin)/python tools/pack.py gh-pvdify/pvdify.pyz

docs: python ## write the generated reference pages again
	$(bin)/python tools/generate_cli_reference.py
	$(bin)/python tools/generate_reference.py

clean: ## remove what the other targets made in this checkout
	rm -rf .venv .cache build dist gh-pvdify/pvdify.pyz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

python:
	@tools/setup --python

lint: python
	$(bin)/ruff check $(python_sources)
	$(bin)/ruff format --check $(python_sources)
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/shellcheck $(shell_sources)
	$(bin)/python tools/generate_cli_reference.py --check
	$(bin)/python tools/generate_reference.py --check
	$(bin)/check-jsonschema --schemafile docs/reference/pvdify.schema.json examples/hello/pvdify.yml
	$(bin)/check-jsonschema --builtin-schema vendor.github-workflows examples/workflows/*.yml
	$(bin)/check-jsonschema --builtin-schema vendor.github-actions gh-pvdify/action.yml gh-pvdify/close/action.yml
	$(bin)/zizmor --offline --quiet --no-progress examples/workflows gh-pvdify
