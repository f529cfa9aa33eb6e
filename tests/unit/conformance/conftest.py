"""Where the harness and its material lie, and the worker that it is tried on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT / "conformance") not in sys.path:
    sys.path.insert(0, str(ROOT / "conformance"))


@pytest.fixture(scope="session")
def home() -> Path:
    return ROOT / "conformance"


@pytest.fixture(scope="session")
def reference(home: Path) -> tuple[str, ...]:
    return (sys.executable, "-E", "-S", str(home / "players" / "reference_worker.py"))
