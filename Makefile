# Every target works on a fresh machine with Python 3.11 or later and make.
.DEFAULT_GOAL := help
SHELL := /bin/sh

export HOST ?= 127.0.0.1
export PORT ?= 8000
export CONFIG ?= demo.toml
export SATCHEL_STATE ?= var
PYTHON ?= python3
BIN := .venv/bin
KEYS = $(BIN)/python -m keys
COMPILE = $(BIN)/pip-compile -q --strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --find-links .venv/wheels --unsafe-package satchel-jose

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run ## serve CONFIG (demo.toml) on HOST:PORT (127.0.0.1:8000); make keys if there are none
	@$(KEYS) init --config $(CONFIG)
	@exec $(BIN)/python -m gunicorn -c python:service.server.gunicorn_conf

test: .venv/dev ## run all tests
	@$(BIN)/python -m pytest -n auto --dist worksteal

test-fast: .venv/dev ## run the tests that need no server and no other programs (under a minute)
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not browser and not external"

lint: .venv/dev ## run ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict satchel_jose keys service client/satchel_client

keys: .venv/run ## show the key ring
	@$(KEYS) show --config $(CONFIG)

rotate-keys: .venv/run ## make the next key when it is due, delete expired keys (safe in cron); FORCE=1 switches to the next key early
	@$(KEYS) rotate --config $(CONFIG) $(if $(FORCE),--force)

revoke-key: .venv/run ## remove the key KID=… at once (emergency); the next key signs at once
	@$(KEYS) revoke --config $(CONFIG) "$(KID)"

revoke: .venv/run ## revoke everything issued so far to CLIENT=…, for SUBJECT=…, of FAMILY=…, or at all (ALL=1)
	@$(BIN)/python -m service revoke $(if $(CLIENT),--client "$(CLIENT)") $(if $(SUBJECT),--subject "$(SUBJECT)") $(if $(FAMILY),--family "$(FAMILY)") $(if $(filter 1,$(ALL)),--all)

client: .venv/run ## print the entry and the secret of a new client: ID=… GRANTS=client_credentials,… SCOPES=read,…
	@$(BIN)/python -m service client "$(ID)" $(if $(GRANTS),--grants "$(GRANTS)") $(if $(SCOPES),--scopes "$(SCOPES)")

password: .venv/run ## read a password and print its Argon2id hash, for a user or a human-chosen client secret
	@$(BIN)/python -m service password

check: .venv/run ## print every problem of CONFIG with its path
	@$(BIN)/python -m service check

explain: .venv/run ## print what TOKEN=… is, and why it would be refused
	@$(BIN)/python -m service explain "$(TOKEN)"

bench: .venv/dev ## measure; JSON=file writes the numbers, LONG=1 measures some minutes longer
	@PYTHONPATH=client $(BIN)/python -m tests.bench $(if $(JSON),--json "$(JSON)") $(if $(LONG),--long)

docs: .venv/dev ## write docs/configuration.md and docs/errors.md from the tables in service/
	@$(BIN)/python -m service reference > docs/configuration.md
	@$(BIN)/python -m service errors > docs/errors.md

lock: ## resolve the dependencies again and write the lock files
	$(BIN)/pip wheel -q --no-deps -w .venv/wheels ./jose
	$(COMPILE) --extra redis -o requirements.lock pyproject.toml
	$(COMPILE) --extra redis --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

.venv/bin/python:
	@$(PYTHON) -m venv .venv

.venv/run: requirements.lock | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/dev: requirements-dev.lock .venv/run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help run test test-fast lint keys rotate-keys revoke-key revoke client password check explain bench docs lock
