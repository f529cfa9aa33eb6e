"""What a task stores in DDFS: its outputs, when the job is to be saved, and out-of-band results.

The clock of DDFS is the master's, and a replica set becomes visible when it is tagged; so a task that fails
in between leaves blobs that belong to no tag, and garbage collection takes them. Tags are not asked to wait
for company (`delayed`): that takes a second each, and the master commits together what comes meanwhile.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..client.ddfs import DDFS
from . import current

if TYPE_CHECKING:
    from ..task import Task
    from .outputs import Output

_ILLEGAL = re.compile(r"[^A-Za-z0-9_\-@:]")


def results_tag(jobname: str) -> str:
    """The tag that holds the results of a saved job."""
    return f"disco:job:results:{jobname}"


def save_outputs(task: Task, outputs: Iterable[Output]) -> str:
    """Store the outputs and add them to the job's tag; returns the tag's name.

    The blobs are named by task, not by attempt: a second attempt adds nothing (update).
    """
    files = [(str(current.home / output.path), _blob_name(task, output)) for output in outputs]
    tag = results_tag(task.jobname)
    _ddfs(task).push(tag, files, update=True)
    return tag


def push_bytes(task: Task, tag: str, name: str, value: bytes) -> None:
    """Store bytes as a blob called `name` and tag it."""
    _ddfs(task).push(tag, [(io.BytesIO(value), name)])


def _blob_name(task: Task, output: Output) -> str:
    label = "" if output.partition is None else f"-{output.partition}"
    return _ILLEGAL.sub("_", f"disco:blob:{task.jobname}:{task.mode}-{task.taskid}{label}")


def _ddfs(task: Task) -> DDFS:
    return DDFS(master=task.master)
