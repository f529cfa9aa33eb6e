"""Runs jobs of `sample_jobs` on real worker processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.worker.scripted_disco import ScriptedDisco, TaskEnd

from disco.core import Job


@pytest.fixture
def make_disco(tmp_path: Path) -> Callable[..., ScriptedDisco]:
    """A Disco with a job of these parameters; `job` may be a Job of another class."""
    made: list[ScriptedDisco] = []

    def make(job: Job | None = None, *, disco: dict[str, Any] | None = None, **jobargs: Any) -> ScriptedDisco:
        root = tmp_path / f"disco{len(made)}"
        root.mkdir()
        pack = (job or Job("Test")).pack(**jobargs)
        made.append(ScriptedDisco(root, pack.dumps(), **(disco or {})))
        return made[-1]

    return make


@pytest.fixture
def run_job(make_disco: Callable[..., ScriptedDisco]) -> Callable[..., list[Any]]:
    """Run a whole job and return its records."""

    def run(job: Job | None = None, **jobargs: Any) -> list[Any]:
        disco = make_disco(job, **jobargs)
        return disco.records(disco.run_job())

    return run


@pytest.fixture
def run_map(make_disco: Callable[..., ScriptedDisco]) -> Callable[..., TaskEnd]:
    """Run the first map task of a job and return how it ended."""

    def run(job: Job | None = None, *, disco: dict[str, Any] | None = None, **jobargs: Any) -> TaskEnd:
        made = make_disco(job, disco=disco, **jobargs)
        return made.run_task("map", 0, [list(made.pack.job().inputs[0])])

    return run
