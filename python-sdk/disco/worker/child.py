"""A child of the template: runs a task, and further ones as long as that is cheaper than another fork.

Each page of memory that a child writes to is copied first, and Python writes to all that it looks at: a
fork costs a few milliseconds. A child goes on with the next task only if the one before took next to no
processor time and left its surroundings as it found them, and if loading the job's objects anew makes all
of it fresh: the job is small, and brings no modules whose state would stay.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol.errors import ProtocolError
from ..protocol.messages import Done, Error, Fatal, TaskInfo
from . import current
from .capture import CaptureFile, show_prints_as_messages
from .channel import Channel, Disconnected, Heartbeat
from .failures import describe, is_retryable
from .outputs import discard_outputs

if TYPE_CHECKING:
    from ..task import Task

SAID_WHY = 81  # exit status of a child that has told Disco how it failed
RELEASED = 82  # exit status of a child that Disco has let go, and its template with it
SMALL_TASK_S = 0.02  # of processor time
SMALL_JOB_BYTES = 64 * 1024  # of job data, loaded anew for each task
TASKS_OF_A_CHILD = 500
WATCHED_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGPIPE,
    signal.SIGUSR1,
)
OWN_PACKAGES = ("disco", "jobpack", "cloudpickle")  # in a job home, and without state of the job's

Objects = tuple[Any, Any, dict[str, Any]]


class TaskNote:
    """Where the task that a child is at writes, for its template, which has to clear up after a child that
    was killed; empty when no task is unfinished."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, mmap.PAGESIZE)

    def write(self, taskpath: str) -> None:
        self._shared.seek(0)
        self._shared.write(f"{taskpath}\n".encode())

    def read(self) -> str:
        self._shared.seek(0)
        return self._shared.readline().decode().strip("\0\n")


class Child:
    """What a child needs. `reload` gives the job's objects anew; without it each task gets its own child."""

    def __init__(
        self, channel: Channel, capture: CaptureFile, note: TaskNote, reload: Callable[[], Objects] | None
    ) -> None:
        self.channel, self.capture, self.note, self._reload = channel, capture, note, reload

    def run(self, objects: Objects, info: TaskInfo) -> int:
        """Run the task, and the next ones that come; returns the exit status."""
        self.channel.stay_out_of_forks()
        # the one other thread, the heartbeat's, holds nothing across a fork
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        heartbeat = Heartbeat(self.channel)
        try:
            return self._run_all(objects, info)
        finally:
            heartbeat.stop()

    def _run_all(self, objects: Objects, info: TaskInfo) -> int:
        home, before = f"{Path.cwd()}/", _surroundings()
        for _ in range(TASKS_OF_A_CHILD):
            started = time.process_time()
            status = self._run_one(objects, info)
            was_small = time.process_time() - started <= SMALL_TASK_S
            is_clean = was_small and _surroundings() == before and not _brings_modules(home)
            if status or self._reload is None or not is_clean:
                return status
            reply = self.channel.ask(Done())
            if not isinstance(reply, TaskInfo):
                return RELEASED
            info = reply
            objects = self._reload()
        return self._run_one(objects, info)

    def _run_one(self, objects: Objects, info: TaskInfo) -> int:
        from ..task import Task

        streams = show_prints_as_messages(self.channel.say)
        task = Task(**{field: getattr(info, field) for field in info.__slots__})
        self.note.write(task.taskpath)
        error: BaseException | None = None
        try:
            run_task(objects, task)
        except (Disconnected, ProtocolError):
            raise
        except BaseException as raised:
            if not self.channel.is_ours:
                os._exit(1)  # a process that the task has forked: the task is not its own
            error = raised
        for stream in streams:
            stream.finish()
        for line in self.capture.take_lines():
            self.channel.say(line)
        if error is not None:
            discard_outputs(task.taskpath)
        self.note.write("")
        if error is None:
            return 0
        tell_failure(self.channel, error)
        return SAID_WHY


def _surroundings() -> tuple[object, ...]:
    """What a task can change that the next one would see."""
    return (
        threading.active_count(),
        sorted(entry.name for entry in os.scandir("/proc/self/fd")),
        Path.cwd(),
        dict(os.environ),
        list(sys.path),
        [signal.getsignal(number) for number in WATCHED_SIGNALS],
    )


def _brings_modules(home: str) -> bool:
    """Whether a module of the job's own is loaded: one from the job home that is not the SDK's."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and file.startswith(home) and name.partition(".")[0] not in (*OWN_PACKAGES, "__main__"):
            return True
    return False


def run_task(objects: Objects, task: Task) -> None:
    """Run one task of the loaded job in this process."""
    worker, job, jobargs = objects
    current.task = task
    worker.start(task, job, **jobargs)
    worker.run(task, job, **jobargs)
    if not getattr(current.channel, "is_ours", True):
        raise RuntimeError("a process that the task has forked came back: it must exit by itself")
    worker.end(task, job, **jobargs)


def tell_failure(channel: Channel, error: BaseException) -> None:
    """ERROR when another node may do better, else FATAL."""
    text = describe(error)
    channel.ask(Error(text) if is_retryable(error) else Fatal(text))
