# Two commands do everything: `make app` starts Benzer, `make test` checks it.
VENV  := .venv
PY    := $(VENV)/bin/python
PORT  ?= 8501
# How many processes run the tests, each with one thread. On two cores there is room for a third: tests wait for what
# they start, such as servers, browsers and the workers of jobs.
WORKERS ?= 3
SHARED_OUT := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help app install test check lint format types bench wheel docs lock clean

help:            ## Show this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

app: $(VENV)/.installed   ## Start the app on the samples (http://localhost:8501, PORT=… for another)
	$(PY) -m streamlit run app.py --server.port $(PORT)

install: $(VENV)/.dev     ## Make the virtual environment with everything for development

test: $(VENV)/.dev lint types   ## Lint, check types, run every test
	OMP_NUM_THREADS=1 $(PY) -m pytest $(SHARED_OUT) --durations=15

check: $(VENV)/.dev lint types   ## For the daily round: style, types and the quick tests, without browser, Ray and training
	OMP_NUM_THREADS=1 $(PY) -m pytest $(SHARED_OUT) -m "not browser and not slow"

lint: $(VENV)/.dev        ## Check the style
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.dev      ## Put the style right
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: $(VENV)/.dev       ## Check the types of engine, models and ui
	$(VENV)/bin/mypy

bench: $(VENV)/.dev       ## Run the quick benchmarks; the README names the command of each figure
	$(PY) -m benchmarks

wheel: $(VENV)/.dev       ## Build the wheel and the source distribution in dist/
	$(PY) -m hatchling build -t wheel -t sdist

docs: $(VENV)/.dev        ## Write the reference of the Python API to site/
	$(PY) distribution/reference.py site

lock: $(VENV)/bin/uv      ## Write the exact versions of requirements-dev.txt to requirements.lock
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url requirements-dev.txt -o requirements.lock

clean:           ## Remove the virtual environment and caches (never your collections)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/uv:
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check uv

# The app takes the locked versions of what it needs; development adds the rest of the lock.
$(VENV)/.installed: requirements.txt requirements.lock | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --python $(VENV) -r requirements.txt -c requirements.lock
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt requirements.lock | $(VENV)/bin/uv
	$(VENV)/bin/uv pip install --quiet --python $(VENV) -r requirements-dev.txt -c requirements.lock
	touch $@
