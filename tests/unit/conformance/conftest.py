"""Where the harness and its material lie, and the worker that it is tried on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT / "conformance") not in sys.path:
    sys.path.insert(0, str(ROOT / "conformance"))

from disco_conformance.session.model import Session  # noqa: E402
from disco_conformance.suite.collection import load_sessions  # noqa: E402


@pytest.fixture(scope="session")
def home() -> Path:
    return ROOT / "conformance"


@pytest.fixture(scope="session")
def sessions(home: Path) -> list[Session]:
    """The whole collection, read once."""
    return load_sessions(home / "sessions")


@pytest.fixture(scope="session")
def reference(home: Path) -> tuple[str, ...]:
    return (sys.executable, "-E", "-S", str(home / "players" / "reference_worker.py"))
