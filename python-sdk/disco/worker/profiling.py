"""Profiles of tasks: measured here, kept as out-of-band results, merged by `Disco.profile_stats`."""

from __future__ import annotations

import cProfile
import marshal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..task import Task

KEY = "profile:"  # then mode and task


def profiled(task: Task, run: Callable[[], Any]) -> None:
    """Run under a profiler and keep what it found, even when the task fails."""
    profile = cProfile.Profile()
    try:
        profile.runcall(run)
    finally:
        profile.create_stats()
        stats: Any = profile
        task.put(f"{KEY}{task.mode}:{task.taskid}", marshal.dumps(stats.stats))
