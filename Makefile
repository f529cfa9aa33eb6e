# Thin: each target says what it runs. A fresh machine needs Python >= 3.11 and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ROOMS  := jobpack python-sdk master conformance

.PHONY: setup demo test fast slow soak sdks lint pages bench clean

setup: $(READY)

# Editable, plus a path file: with the repository as the working directory, `import jobpack` must
# find jobpack/jobpack and not the folder of the same name.
$(READY): pyproject.toml tools/setup.sh
	PYTHON="$(PYTHON)" tools/setup.sh $(VENV) $(ROOMS)
	touch $(READY)

demo: $(READY)
	$(BIN)/python examples/demo.py

# Python's part in two halves, then each SDK with its own language's tests (left out, with a notice, where
# its compiler is missing and can't be installed).
test: $(READY) lint fast sdks slow

fast: $(READY)
	$(BIN)/pytest -q -n 4 --dist loadfile -m "not slow and not soak"

slow: $(READY)
	$(BIN)/pytest -q -n 2 --dist loadfile -m "slow and not soak"

# The whole self-test of the conformance suite: every case against every mutant that it names.
soak: $(READY)
	$(BIN)/pytest -q -m soak

sdks: $(READY)
	tools/sdk.sh c
	tools/sdk.sh go
	tools/sdk.sh ocaml

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

# The pages made of the tests and their tables.
pages: $(READY)
	$(BIN)/python tools/checklist.py
	$(BIN)/python tools/parity.py
	$(BIN)/python tools/commands.py

bench: $(READY)
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .tox build *.egg-info
