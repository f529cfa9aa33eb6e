"""The worker process on a node: a warm template that forks children to run tasks.

The template speaks WORKER and TASK, loads the job once, and forks. The child runs a task on the same
pipes (INPUT, MSG, OUTPUT, or ERROR and FATAL) and exits; then the template says DONE. If the reply to
DONE is another TASK, it forks again. Never do both hold the conversation: while a child lives, its
template waits for it.

A fork costs more than a tiny task does. So a child whose task was over in a moment says DONE itself and
takes the next one (`child`), on objects loaded anew, so that no task sees what another has done.

A child that ended without a word takes the template with it, in the same way: same signal, same status.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from ..protocol.errors import ProtocolError
from ..protocol.messages import Done, TaskInfo, TaskRequest
from ..protocol.messages import Worker as Announcement
from . import current
from .capture import CaptureFile, show_prints_as_messages
from .channel import Channel, Disconnected
from .child import RELEASED, SAID_WHY, SMALL_JOB_BYTES, Child, Objects, TaskNote, tell_failure
from .outputs import discard_outputs

FIRST_PROTOCOL_FD = 10  # above what programs use by number
YOUNG_OBJECTS = 200_000  # allocations between two collections while a task runs

# How a child ends that has no task under way → how its template goes on.
_ENDS = {0: None, SAID_WHY: SAID_WHY, RELEASED: 0}

Load = Callable[[str], Objects]


def main(load: Load | None = None) -> NoReturn:
    """Run tasks of one job until Disco has no more for this process. Never returns.

    `load` takes the path of the job pack and gives the job to run; by default, the one in the pack.
    """
    status = 1
    try:
        status = _converse(load)
    except (Disconnected, ProtocolError):
        pass  # Disco is gone, or has been told
    finally:
        os._exit(status)


def _converse(load: Load | None) -> int:
    current.home = Path.cwd()
    channel, capture = _take_over_descriptors()
    current.channel = channel
    show_prints_as_messages(channel.say)
    channel.ask(Announcement(os.getpid(), reuse=True))
    info: TaskInfo = channel.ask(TaskRequest())
    _reach_the_cluster(info)
    reload: Callable[[], Objects] | None = None
    try:
        if load is not None:
            objects, reload = load(info.jobfile), partial(load, info.jobfile)
        else:
            objects, reload = _load_from_pack(info.jobfile)
        _preload()
    except BaseException as error:
        tell_failure(channel, error)
        return 1
    _freeze()
    child = Child(channel, capture, TaskNote(), reload)
    while True:
        status = _run_in_child(child, objects, info)
        if status is not None:
            return status
        reply = channel.ask(Done())
        if not isinstance(reply, TaskInfo):
            return 0
        info = reply


def _reach_the_cluster(info: TaskInfo) -> None:
    """Let `DDFS()` and `Disco()` in a job function mean this cluster, unless `jobenvs` name another."""
    settings = {
        "DISCO_MASTER": info.master,
        "DISCO_PORT": info.disco_port,
        "DDFS_PUT_PORT": info.put_port,
    }
    for name, value in settings.items():
        if value:
            os.environ.setdefault(name, str(value))


def _load_from_pack(jobfile: str) -> tuple[Objects, Callable[[], Objects] | None]:
    """The job, and how to load it anew; None if it is too large for that to be quick."""
    from .jobdata import load_job, read_job

    data = read_job(jobfile)
    return load_job(data), partial(load_job, data) if len(data) <= SMALL_JOB_BYTES else None


def _take_over_descriptors() -> tuple[Channel, CaptureFile]:
    """Move the protocol out of the reach of prints and child processes."""
    replies = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, FIRST_PROTOCOL_FD)
    requests = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, FIRST_PROTOCOL_FD)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    capture = CaptureFile()
    capture.take_standard_output()
    return Channel(requests, replies), capture


def _preload() -> None:
    """Import here, once, what nearly every task will import."""
    from .. import task
    from ..schemes import scheme_dir, scheme_disco, scheme_file, scheme_raw

    del task, scheme_dir, scheme_disco, scheme_file, scheme_raw


def _freeze() -> None:
    """What is loaded now will live to the end: keep it out of collections, so children share its memory.

    Cyclic garbage of the tasks is still collected, only seldom: tasks make few cycles and many records.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)


def _run_in_child(child: Child, objects: Objects, info: TaskInfo) -> int | None:
    """Fork, run the task there, wait. None when the task is done, and Disco is to be told; else the status
    that this process has to exit with. Does not return for a child that was killed by a signal."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = child.run(objects, info)
        except (Disconnected, ProtocolError):
            pass
        finally:
            os._exit(status)
    _, waited = os.waitpid(pid, 0)
    status = os.waitstatus_to_exitcode(waited)
    unfinished = child.note.read()
    if not unfinished and status in _ENDS:
        return _ENDS[status]
    if unfinished:  # in the middle of the task, whatever the status says
        discard_outputs(unfinished)
    for line in child.capture.take_lines():
        child.channel.say(line)
    if status < 0:
        with suppress(OSError):  # KILL can't be set, and needs no setting
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit("this module is started by a worker file of a job home")
