# Two commands for a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

FUZZ_EXAMPLES ?= 5000
FUZZ_SECONDS ?= 60

UPLOT_VERSION ?= 1.6.32
UPLOT := mcp_shortvol/view/uplot

.PHONY: demo test test-view interop check bench fuzz soak screenshots uplot bundle release-check clean

# The stamp is renewed whenever what is to be installed changes.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mcp-shortvol needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	@echo '$$ mcp-shortvol query 700.HK --sandbox'
	@$(BIN)/mcp-shortvol query 700.HK --sandbox
	@echo
	@echo '$$ mcp-shortvol query TSLA.US --source futu_opend --count 10 --sandbox'
	@$(BIN)/mcp-shortvol query TSLA.US --source futu_opend --count 10 --sandbox
	@echo
	@echo 'These figures are invented. Real ones of US stocks need no account: $(BIN)/mcp-shortvol query TSLA asks FINRA.'

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 4 --ignore=tests/faults
	$(BIN)/python -m pytest -n 3 tests/faults

# The view in a real Chromium under the official host side: needs npm, and Debian's chromium.
test-view: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,view]'
	$(BIN)/python -m pytest -rs tests/view

# The examples with their frameworks, and other people's tools, each in an environment of its own.
interop: $(VENV)/.installed
	INTEROP=1 $(BIN)/python -m pytest -rs -n 2 --dist loadfile -o faulthandler_timeout=900 tests/interop

# Pictures of the view in build/screenshots, to be looked at; with fonts-noto-cjk the Chinese ones have their letters.
screenshots: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,view]'
	$(BIN)/python -m tests.view.screenshots build/screenshots docs/chart.png

# The chart library as its authors publish it, with its licence and its version.
uplot:
	npm pack --silent --pack-destination $(UPLOT) uplot@$(UPLOT_VERSION)
	tar -xzf $(UPLOT)/uplot-$(UPLOT_VERSION).tgz -C $(UPLOT) --strip-components=1 package/LICENSE
	tar -xzf $(UPLOT)/uplot-$(UPLOT_VERSION).tgz -C $(UPLOT) --strip-components=2 package/dist/uPlot.iife.min.js package/dist/uPlot.min.css
	rm $(UPLOT)/uplot-$(UPLOT_VERSION).tgz
	echo $(UPLOT_VERSION) > $(UPLOT)/VERSION

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

# More cases than `make test` tries; and bytes by coverage, where atheris can be installed.
fuzz: $(VENV)/.installed
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest tests/fuzz
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]' && \
	    $(BIN)/python -c 'import atheris'; \
	then $(BIN)/python tests/fuzz/atheris_frames.py -max_total_time=$(FUZZ_SECONDS) -max_len=4096; \
	else echo 'atheris cannot be installed here: the frame decoder was fuzzed without it'; fi

# Ten thousand mixed calls with faults, over stdio; quotas are off for it.
soak: $(VENV)/.installed
	SOAK_CALLS=10000 $(BIN)/python -m pytest -s tests/soak

# build/mcp-shortvol-VERSION.mcpb, which Claude Desktop installs with a click: needs npm.
bundle: $(VENV)/.installed
	$(BIN)/python -m release.bundle build

# What is still open before a release; OWNER=name puts the owner of the repository in.
release-check: $(VENV)/.installed
	$(BIN)/python -m release.check $(OWNER)

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
