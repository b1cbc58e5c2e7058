# `make demo` on a fresh clone is the whole tour; `make check` is what has to pass before a change goes in.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.infoloom-installed
# One thread a process: the tests already run in parallel, and thread pools would fight over the same cores.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -q -n auto --dist worksteal

.PHONY: install demo test test-all test-adopt page-checks wheel wheel-extras check docs format screenshots clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt src/infoloom/__init__.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev,docs]'
	@touch $@

demo: install
	rm -rf demo/dataset && mkdir -p demo
	$(BIN)/infoloom info digits-pair
	$(BIN)/infoloom generate digits-pair demo/dataset --rows 2000 --seed 0
	$(BIN)/infoloom verify demo/dataset
	$(BIN)/infoloom preview demo/dataset -o demo/preview.png
	$(BIN)/infoloom report demo/dataset -o demo/report.html
	@echo
	@echo "What to look at next:"
	@echo "  demo/preview.png           pairs of digits sorted by theta, and their means: one cause moves both"
	@echo "  demo/report.html           all of it on one page: story, truth, ceilings, rows, checks"
	@echo "  demo/dataset/README.md     the card: the truth table and how to read it"
	@echo "  $(BIN)/infoloom presets  the other stories; $(BIN)/infoloom new black-hole -o my.yaml writes one to change"
	@echo "  examples/                  the same in Python"

test: install
	$(PYTEST)

test-all: install
	$(PYTEST) -m "slow or not slow"

# axe-core for the browser tests, from npm; nothing of it is in the package.
page-checks:
	npm ci --prefix tests/web --silent --no-audit --no-fund

# The package as a stranger installs it, in empty environments; `wheel-extras` installs every extra too.
wheel: install
	$(ONE_THREAD) $(BIN)/python -m pytest -q -rs tests/wheel.py

wheel-extras: install
	INFOLOOM_WHEEL_EXTRAS=1 $(ONE_THREAD) $(BIN)/python -m pytest -q -rs tests/wheel.py

# Models built with the real packages, in an environment of their own: they bring in what must not enter ours.
ADOPT := .venv-adopt/bin

test-adopt:
	test -x $(ADOPT)/python || $(PYTHON) -m venv .venv-adopt
	$(ADOPT)/python -m pip install --quiet --constraint constraints.txt --editable '.[torch]' pytest hypothesis \
		torchcfm flow-matching nflows normflows FrEIA zuko diffusers torch-fidelity
	$(ONE_THREAD) $(ADOPT)/python -m pytest -q -rA -m "slow or not slow" tests/observations/adopted/other_packages.py

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

# The site, in build/docs; a warning, or a link that leads nowhere, is an error. Nothing is fetched.
docs: install
	$(ONE_THREAD) $(BIN)/python -m sphinx -W --keep-going -q -b html -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Needs chromium and chromedriver on the path.
screenshots: install
	$(ONE_THREAD) $(BIN)/python docs/screenshots.py

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
