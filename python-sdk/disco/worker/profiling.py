"""Profiles of tasks: measured here, kept as out-of-band results, merged by `Disco.profile_stats`."""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..task import Task

KEY = "profile:"  # then mode and task


def profiled(task: Task, run: Callable[[], Any]) -> None:
    """Run under a profiler and keep what it found, even when the task fails."""
    profile = _standard_profiler()
    try:
        profile.runcall(run)
    finally:
        profile.create_stats()
        keep(task, f"{KEY}{task.mode}:{task.taskid}", marshal.dumps(profile.stats))


def keep(task: Task, key: str, value: bytes) -> None:
    """As `task.put`, but not counted among the task's own results."""
    from .saving import push_bytes

    push_bytes(task, task.oob_tag, key, value)


def _standard_profiler() -> Any:
    """A cProfile.Profile. The module imports the standard `profile`, and a job's own may be called so too."""
    library = Path(os.__file__).parent
    path, theirs = sys.path, sys.modules.pop("profile", None)
    sys.path = [str(library), str(library / "lib-dynload")]
    try:
        import cProfile
    finally:
        sys.path = path
        sys.modules.pop("profile", None)
        if theirs is not None:
            sys.modules["profile"] = theirs
    return cProfile.Profile()
