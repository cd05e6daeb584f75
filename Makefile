# make demo and make test set up everything they need; see tools/setup_environment.py.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
ARGS ?=
RUN = . .venv/ros_env.sh &&

.PHONY: help setup setup-test demo test lint clean

help:
	@echo "make demo   run the node on real video; writes out/demo/ (options: ARGS='--help')"
	@echo "make test   ruff, mypy and pytest (some tests only: ARGS='-k buffer')"
	@echo "make lint   ruff and mypy"
	@echo "make setup  only set up .venv and the message packages"
	@echo "make clean  remove everything that was set up or written"

setup:
	@python="$$(sh tools/find_python.sh)" && "$$python" tools/setup_environment.py

setup-test:
	@python="$$(sh tools/find_python.sh)" && "$$python" tools/setup_environment.py --test

demo: setup
	@$(RUN) convlstm-perception demo $(ARGS)

test: lint
	@$(RUN) python -m pytest $(ARGS)

lint: setup-test
	@$(RUN) ruff check . && ruff format --check . && mypy

clean:
	rm -rf .venv .ros out build install log .mypy_cache .pytest_cache .ruff_cache *.egg-info
