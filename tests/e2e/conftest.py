"""Fixtures over `masters`: one master a module, or one of a test's own to hurt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.masters import Run, chekhov_text, runner

from disco.local import LocalMaster


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMaster]:
    with LocalMaster(tmp_path_factory.mktemp("root")) as running:
        yield running


@pytest.fixture
def own_master(tmp_path: Path) -> Iterator[LocalMaster]:
    """For tests that hurt it."""
    with LocalMaster(tmp_path / "root") as running:
        yield running


@pytest.fixture
def run(master: LocalMaster, tmp_path: Path) -> Run:
    """Runs `disco`, `ddfs`, `jobpack`, `python` or anything else in `tmp_path`, against this master."""
    return runner(master, tmp_path)


@pytest.fixture(scope="session")
def chekhov() -> bytes:
    return chekhov_text()
