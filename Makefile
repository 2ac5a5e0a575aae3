# Two commands: `make demo` runs the main job, `make test` passes every check.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
SOURCES := pyproject.toml constraints.txt hatch_build.py
BROWSER_PART := $(shell find js/src js/*.mjs js/package-lock.json 2>/dev/null)

.PHONY: demo test stress bench bench-gpu bench-views docs gallery lectures linkcheck lint types js python library hosts clean

# In a container one is root, and Jupyter wants to be told that this is meant.
QUICKSTART = $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) examples/quickstart.ipynb

demo: $(VENV)/.demo
	$(BIN)/plmwidgets demo
	@if [ -t 1 ] && [ "$(LAB)" != 0 ]; then \
		$(QUICKSTART); \
	else \
		echo; echo "Open the notebook with:  $(QUICKSTART)"; \
	fi

test: lint types js python

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

# node comes with the test dependencies: nothing need be on PATH.
js: $(VENV)/.test
	$(BIN)/python scripts/check_js.py

# Both parts side by side: real hosts spend half their time waiting. The output of each comes whole,
# as it ends.
python: $(VENV)/.test
	+@$(MAKE) --no-print-directory -j2 --output-sync=target library hosts

HOSTS := tests/browser tests/cluster

library: $(VENV)/.test
	nice $(BIN)/pytest $(HOSTS:%=--ignore=%)

# In real hosts: notebooks in a browser, and a cluster.
hosts: $(VENV)/.test
	$(BIN)/pytest $(HOSTS)

# The whole crash suite, of which `make test` holds a short form (kills, damage, full disks), and other
# tests in numbers.
stress: $(VENV)/.test
	$(BIN)/pytest -m stress

# Some minutes, with nothing else on the machine. BENCH="--json figures.json" saves the figures.
bench: $(VENV)/.test
	$(BIN)/python benchmarks/run_all.py $(BENCH)

# On a machine with a CUDA device: under half an hour. BENCH="--minutes 8" does what matters most.
# The figures are in gpu.json and the tables in gpu.md after every part.
bench-gpu: $(VENV)/.demo
	$(BIN)/python benchmarks/gpu_speed.py --json gpu.json --markdown gpu.md $(BENCH)

# Pictures of every view in every state, to be looked at: gallery/index.html. PART=dev or PART=lab.
gallery: $(VENV)/.test js
	$(BIN)/python scripts/gallery.py $(PART)

# The documentation site, build/docs/html: any warning fails it, as a link within that leads nowhere.
# Runs the notebooks, which takes minutes, but only when they or the code have changed; RUN= leaves
# that out.
RUN ?= --run
docs: $(VENV)/.test
	$(BIN)/python scripts/build_docs.py $(RUN)

# The lectures as pages that need no notebook and no network.
lectures: $(VENV)/.test
	$(BIN)/plmwidgets page examples/lectures/*.ipynb --output build/lectures

# Asks for every link that leaves the site: needs a network.
linkcheck: $(VENV)/.test
	$(BIN)/python scripts/build_docs.py --linkcheck

# The views in headless Chromium: twelve minutes, likewise. BENCH="--quick --only maps" does a part.
bench-views: js
	$(BIN)/python benchmarks/views_speed.py $(BENCH)

$(VENV)/.demo: $(SOURCES) $(BROWSER_PART) | $(BIN)/python
	$(PIP) -e '.[lab]'
	touch $@

$(VENV)/.test: $(SOURCES) $(BROWSER_PART) | $(BIN)/python
	$(PIP) -e '.[adapters,anndata,docs,lab,ray,test,umap,xarray]'
	touch $@ $(VENV)/.demo

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build dist demo-output test-output gallery src/plmwidgets/static js/node_modules
