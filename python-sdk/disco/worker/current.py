"""The task that this process is running, and its line to Disco; both None on a client.

Job functions reach their task through module-level functions (`this_name()`, `put()`, `print`), and a
process runs one task at a time, so there is one place for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..task import Task
    from .channel import Channel

task: Task | None = None
home = Path()  # the job home: where the process was started, wherever a job function has gone since
channel: Channel | None = None


def running_task() -> Task:
    """The running task. Raises RuntimeError outside of one."""
    if task is None:
        raise RuntimeError("no task is running here; call this from a job function")
    return task
