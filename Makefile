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

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/run ## serve CONFIG on HOST:PORT (demo.toml on 127.0.0.1:8000); makes keys if there are none
	@$(KEYS) init --config $(CONFIG)
	@exec $(BIN)/python -m gunicorn -c python:service.server.gunicorn_conf

test: .venv/dev ## the whole suite
	@$(BIN)/python -m pytest -n auto --dist worksteal

lint: .venv/dev ## ruff, mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict satchel_jose keys service client/satchel_client

keys: .venv/run ## the key ring as a table
	@$(KEYS) show --config $(CONFIG)

rotate-keys: .venv/run ## add the next standby when due, drop what has expired (safe in cron); FORCE=1 brings the standby forward
	@$(KEYS) rotate --config $(CONFIG) $(if $(FORCE),--force)

revoke-key: .venv/run ## the emergency: KID=… is gone at once, its standby signs at once
	@$(KEYS) revoke --config $(CONFIG) "$(KID)"

revoke: .venv/run ## void what was issued until now: CLIENT=…, SUBJECT=…, FAMILY=… or ALL=1
	@$(BIN)/python -m service revoke $(if $(CLIENT),--client "$(CLIENT)") $(if $(SUBJECT),--subject "$(SUBJECT)") $(if $(FAMILY),--family "$(FAMILY)") $(if $(filter 1,$(ALL)),--all)

client: .venv/run ## print a new client: ID=… GRANTS=client_credentials,… SCOPES=read,…
	@$(BIN)/python -m service client "$(ID)" $(if $(GRANTS),--grants "$(GRANTS)") $(if $(SCOPES),--scopes "$(SCOPES)")

password: .venv/run ## print the Argon2id hash of a password, for a user or a secret that a person chose
	@$(BIN)/python -m service password

check: .venv/run ## every problem of CONFIG, with its path
	@$(BIN)/python -m service check

explain: .venv/run ## what TOKEN=… is, and whether it would be accepted
	@$(BIN)/python -m service explain "$(TOKEN)"

bench: .venv/dev ## measure; JSON=file writes the numbers too, LONG=1 takes some minutes more
	@PYTHONPATH=client $(BIN)/python -m tests.bench $(if $(JSON),--json "$(JSON)") $(if $(LONG),--long)

docs: .venv/dev ## write docs/configuration.md anew from the tables of service/config
	@$(BIN)/python -m service reference > docs/configuration.md

lock: ## resolve the dependencies anew
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

.PHONY: help run test lint keys rotate-keys revoke-key revoke client password check explain bench docs lock
