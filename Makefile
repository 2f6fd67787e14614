# Plain `make` lists the targets. Each one makes the checkout ready first, which is quick when nothing is to do.
# Sources are checked with the tools of .venv only, so that everyone's answer is the same.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
unexport PYTHONDONTWRITEBYTECODE # without stored bytecode, each worker rewrites the assertions of all tests for 7 s
.PHONY: help setup demo test check test-unit test-properties test-machine test-long test-integration test-e2e test-kubernetes test-kubernetes-full fuzz bench bench-scale bench-long bench-proxies run gh-pvdify dist docs clean lint python run-server screenshots

bin := .venv/bin
parallel := --numprocesses=auto --dist=worksteal
# One process more than cores: tests that wait for programs leave a core idle otherwise.
parallel_with_waits := --numprocesses=$(shell expr $$(nproc) + 1) --dist=worksteal
# Each process has a cluster of its own. Most of a test is waiting for the cluster.
on_clusters := --numprocesses=4 --dist=loadfile --no-loadscope-reorder
python_sources := src tests tools bench examples
shell_sources := tools/setup tools/lock tools/machine-tests tools/build-sample tools/build-service tools/cluster/boot.sh .ci/run gh-pvdify/gh-pvdify src/pvdify/adapters/systemd/keeper.sh

help: ## list the targets
	@echo "make TARGET"
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' \
	    | while IFS=$$'\t' read -r name text; do printf '  %-18s %s\n' "$$name" "$$text"; done

setup: ## install what is missing: Debian packages, a container runtime that works, .venv (root on Debian 12)
	@tools/setup

demo: setup ## deploy, fail and roll back under load on this machine, with the numbers; cleans up after itself
	@$(bin)/python -m tools.demo $(ARGS)

test: setup lint ## everything: lint, types, import directions, fresh docs and all tests
	$(bin)/pytest $(parallel) -m "not machine and not slow and not long"
	tools/machine-tests --slow

check: python lint ## the same without containers: needs neither root nor Debian
	$(bin)/pytest $(parallel) tests/unit tests/contract -m "not machine and not slow and not long"

test-unit: python ## unit tests only, within a minute
	$(bin)/pytest $(parallel_with_waits) tests/unit -m "not slow and not long"

test-properties: python ## the slow property suites: a daemon killed at every write, random histories
	$(bin)/pytest $(parallel_with_waits) -m "slow and not machine and not long"

test-machine: setup ## tests that use this machine's containers, ports and servers
	tools/machine-tests

test-long: setup ## what takes up to hours: 100,000 schedules of the reconciler, 500 restarts, 500 operations on the workers of 85 apps, 500 deploys and kills, an hour of jobs, 200 tabs
	$(bin)/pytest $(parallel) -m "long and not machine"
	$(bin)/pytest -m "long and machine"

test-integration: setup ## tests against the real podman, router and database
	$(bin)/pytest tests/integration tests/contract -m "not long"

test-e2e: setup ## tests that start a whole server, with load across a switch
	$(bin)/pytest tests/e2e -m "not long"

test-kubernetes: ## tests on real clusters of two workers; builds their programs once, into ~/.cache/pvdify-test
	@tools/setup --kubernetes
	$(bin)/python -m tools.cluster build
	$(bin)/pytest $(on_clusters) tests/kubernetes -m "not long"

test-kubernetes-full: ## the same with pvdifyd killed at every moment of a deploy, and with the tests that take long
	@tools/setup --kubernetes
	$(bin)/python -m tools.cluster build
	PVDIFY_TEST_EVERY_MOMENT=1 PVDIFY_TEST_CROWD=1 $(bin)/pytest tests/kubernetes

fuzz: python ## ten minutes of made-up foreign input: manifests, config, hostnames, images, archives, webhooks
	$(bin)/python -m tests.fuzz $(or $(ARGS),600)

bench: setup ## measure everything that is promised, and write bench/results.md
	@$(bin)/python -m bench

bench-scale: setup ## measure a server with 1, 50 and 200 apps in 30 minutes, and write bench/scale.md
	@$(bin)/python -m bench.scale $(ARGS)

bench-long: setup ## count failed and repeated requests over hundreds of changes for 40 minutes, and write bench/long.md
	@$(bin)/python -m bench.long $(ARGS)

bench-proxies: setup ## compare the router with a bare HAProxy, Caddy, Traefik and nginx, and write bench/proxies.md
	@$(bin)/python -m bench.proxies

run: python ## start the dashboard and the API with sample apps on fakes, without podman: http://127.0.0.1:9443
	@$(bin)/python -m tests.fakes.sample_server $(ARGS)

run-server: setup ## start a real server of your own on loopback, with its data in .cache/run
	@mkdir -p .cache
	@echo "export PVDIFY_URL=http://127.0.0.1:9443 PVDIFY_TOKEN=\$$(cat $(CURDIR)/.cache/run/admin.token)"
	@$(bin)/pvdifyd --data-dir $(CURDIR)/.cache/run --listen 127.0.0.1:9443 --router-listen 127.0.0.1:9080 \
	    --base-domain pvdify.localhost $(ARGS)

screenshots: setup ## take pictures of every page of the dashboard into .cache/screenshots; look at them
	@$(bin)/python -m tools.screenshots $(or $(ARGS),.cache/screenshots)

gh-pvdify: python ## pack the command line for the extension of GitHub's, gh-pvdify/pvdify.pyz
	$(bin)/python tools/pack.py gh-pvdify/pvdify.pyz

dist: python ## make what a server is installed from: dist/pvdify-*.whl and its locked requirements.txt
	@$(bin)/python tools/dist.py dist

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
	$(bin)/python tools/check_words.py
	$(bin)/python tools/generate_cli_reference.py --check
	$(bin)/python tools/generate_reference.py --check
	$(bin)/check-jsonschema --schemafile docs/reference/pvdify.schema.json examples/hello/*.yml
	$(bin)/check-jsonschema --builtin-schema vendor.github-workflows examples/workflows/*.yml
	$(bin)/check-jsonschema --builtin-schema vendor.github-actions gh-pvdify/action.yml gh-pvdify/close/action.yml
	$(bin)/zizmor --offline --quiet --no-progress examples/workflows gh-pvdify
