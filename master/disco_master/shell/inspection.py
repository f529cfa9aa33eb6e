"""Looking into a running master: why tasks wait, what the attempts said, what the process is doing."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from ..engine.base import NodeError
from ..model import JobStatus
from ..web.door import AttemptLogEntry, TaskName, Unavailable
from .loop import Loop

CALL_TIMEOUT_S = 20.0
NodeCall = Callable[[str, int, str, Mapping[str, Any], float], Any]

log = logging.getLogger(__name__)


class Inspection:
    """`nodes` gives the live nodes' generations; `call` carries out an operation on one (`Engine.call`)."""

    def __init__(self, loop: Loop, nodes: Callable[[], Mapping[str, int]], call: NodeCall) -> None:
        self._loop, self._nodes, self._call = loop, nodes, call
        self._started_s = time.time()

    def why(self, job: str) -> list[str]:
        return self._loop.ask(lambda core: core.why(job))

    def attempt_logs(self, job: str, task: TaskName | None) -> list[AttemptLogEntry]:
        """A node that does not answer is left out: what the others keep is still of use."""
        one = {} if task is None else {"mode": task.mode.value, "task": task.task}
        found: list[AttemptLogEntry] = []
        for node, generation in self._nodes().items():
            try:
                logs = self._call(node, generation, "attempt_logs", {"job": job, **one}, CALL_TIMEOUT_S)
            except NodeError as failure:
                log.warning("logs of %s: %s", job, failure)
                continue
            found += [AttemptLogEntry(node, *row) for row in logs]
        return sorted(found, key=lambda entry: (entry.mode, entry.task, entry.attempt))

    def attempt_log(self, job: str, task: TaskName, attempt: int, node: str) -> str | None:
        generation = self._nodes().get(node)
        if generation is None:
            return None
        args = {"job": job, "mode": task.mode.value, "task": task.task, "attempt": attempt}
        try:
            text: str | None = self._call(node, generation, "attempt_log", args, CALL_TIMEOUT_S)
        except NodeError as failure:
            raise Unavailable(str(failure)) from failure
        return text

    def state(self) -> dict[str, object]:
        view = self._loop.view()
        active = [job.name for job in view.jobs.values() if job.status is JobStatus.ACTIVE]
        return {
            "pid": os.getpid(),
            "uptime_s": int(time.time() - self._started_s),
            "python": sys.version.split()[0],
            "view": view.version,
            "events_waiting": self._loop.waiting(),
            "jobs": len(view.jobs),
            "active_jobs": active,
            "nodes": dict(self._nodes()),
            "threads": _threads(),
        }


def _threads() -> dict[str, list[str]]:
    """Each thread, and where it is: file, line and function, innermost last."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        names.get(ident, str(ident)): [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_stack(top)
        ]
        for ident, top in sys._current_frames().items()
    }
