# make demo and make test set up everything they need; see tools/setup_environment.py.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
ARGS ?=
MINUTES ?= 60
APPLICATIONS = video driving weather medical
RUN = . .venv/ros_env.sh &&

.PHONY: help setup setup-test setup-sim demo sim-demo applications-smoke test soak lint docs clean

help:
	@echo "make demo   run the node on real video; writes out/demo/ (options: ARGS='--help')"
	@echo "make sim-demo  the node in a simulated street, measured; writes out/sim-demo/"
	@echo "make applications-smoke  each use of docs/applications, small; writes out/applications/"
	@echo "make test   ruff, mypy and pytest (some tests only: ARGS='-k buffer')"
	@echo "make soak   the node under full load for MINUTES=60; fails where it leaks; writes out/soak/"
	@echo "make lint   ruff and mypy"
	@echo "make docs   build the documentation's site into out/docs, links checked"
	@echo "make setup  only set up .venv and the message packages"
	@echo "make clean  remove everything that was set up or written"

setup:
	@python="$$(sh tools/find_python.sh)" && "$$python" tools/setup_environment.py

setup-test:
	@python="$$(sh tools/find_python.sh)" && "$$python" tools/setup_environment.py --test

setup-sim: setup-test
	@.venv/bin/python tools/setup_simulator.py

demo: setup
	@$(RUN) convlstm-perception demo $(ARGS)

sim-demo: setup-sim
	@$(RUN) python -m convlstm_perception_sim.demo $(ARGS)

applications-smoke: setup-test
	@$(RUN) for name in $(APPLICATIONS); do \
		convlstm-perception application $$name --smoke $(ARGS) || exit 1; \
	done

test: lint
	@$(RUN) python -m pytest $(ARGS)

soak: setup-test
	@$(RUN) python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

lint: setup-test
	@$(RUN) ruff check . && ruff format --check . && mypy

# An environment of its own: mkdocs is neither needed nor waited for by anything else.
.venv-docs/ready: requirements/docs.txt
	@python="$$(sh tools/find_python.sh)" && "$$python" -m venv --clear .venv-docs
	@.venv-docs/bin/pip install -qq --disable-pip-version-check --requirement $<
	@touch $@

# Not --quiet: what is not printed is not counted, and --strict lets it pass.
docs: .venv-docs/ready
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict
	@echo "out/docs/index.html"

clean:
	rm -rf .venv .venv-docs .ros .sim out build install log .mypy_cache .pytest_cache .ruff_cache *.egg-info
