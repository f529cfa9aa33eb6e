"""`disco replay`: one task of a job of the master, run here by the job's own worker.

What lies on the cluster's nodes (`disco://`, `dir://`) is fetched and read from the job home; everything else
is left to the worker, which reads it where the node would have.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from jobpack.format import JobDict

from ...error import CommError
from ..failing import CommandError
from ..frame import Session
from .home import KEPT, LocalHome
from .task_names import TaskName

if TYPE_CHECKING:
    from ..stored.transfer import Transfer

ON_NODES = ("disco", "dir")
COPY_BYTES = 1 << 20


def fetch_pack(found: Session, job: str) -> bytes:
    """Raises CommError; 404 for a job that the master does not know."""
    return found.disco.request(f"/disco/ctrl/parameters?name={quote(job, safe='@:')}")


def inputs_of_task(found: Session, job: str, pack: JobDict, task: TaskName) -> Sequence[Sequence[str]]:
    """What the task reads: as the master would tell its worker. Raises CommandError."""
    if task.mode == "map":
        _check_number(task, len(pack.inputs) if pack.has_map else 0, job)
        return [pack.inputs[task.number]]
    _check_number(task, pack.nr_reduces if pack.has_reduce else 0, job)
    if not pack.has_map:
        return pack.inputs
    try:
        return [[url] for url in found.disco.mapresults(job)]
    except CommError as error:
        if error.code != 404:
            raise
        raise CommandError(
            f"{job} has no map results that {task} could read: its map has not ended"
        ) from error


def _check_number(task: TaskName, count: int, job: str) -> None:
    if task.number >= count:
        exist = f"{task.mode}:0 to {task.mode}:{count - 1}" if count else f"no {task.mode} tasks"
        raise CommandError(f"{job} has no task {task}: it has {exist}")


def bring_inputs(
    found: Session, home: LocalHome, task: TaskName, inputs: Sequence[Sequence[str]]
) -> list[list[str]]:
    """The inputs as the worker shall be told of them, with what lies on nodes in the home."""
    from ..stored.transfer import Transfer

    with Transfer("fetching", None) as transfer:
        bringers = (_Bringer(found.ddfs, home, task, number, transfer) for number in range(len(inputs)))
        return [bringer.bring(urls) for bringer, urls in zip(bringers, inputs, strict=True)]


class _Bringer:
    """Fetches one input."""

    def __init__(self, ddfs: Any, home: LocalHome, task: TaskName, number: int, transfer: Transfer) -> None:
        self._ddfs, self._home, self._task, self._transfer = ddfs, home, task, transfer
        self._folder = f"{KEPT}/inputs/{number}"
        self._count = 0

    def bring(self, urls: Sequence[str]) -> list[str]:
        """Its replicas: one, if they lie on nodes, since they are the same."""
        if urlsplit(urls[0]).scheme not in ON_NODES:
            return list(urls)
        if urls[0].startswith("dir://"):
            return [self._index(urls)]
        return [self._fetch(urls)]

    def _fetch(self, urls: Sequence[str]) -> str:
        self._count += 1
        path = f"{self._folder}/{self._count}/{PurePosixPath(urlsplit(urls[0]).path).name}"
        target = self._home.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._transfer.watch(self._ddfs.open_blob(urls)) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, COPY_BYTES)
        return self._home.url(path)

    def _index(self, urls: Sequence[str]) -> str:
        """An index of what this task reads: all of it in a map, its own label in a reduce.

        A worker that merges partitions reads all labels, so that those of others are listed too, and read
        from where they are.
        """
        with self._ddfs.open_blob(urls) as source:
            packed = source.read()
        text = gzip.decompress(packed) if urls[0].endswith(".gz") else packed
        lines = []
        for line in text.decode().splitlines():
            label, _, url = line.partition(" ")
            own = self._task.mode == "map" or int(label) == self._task.number
            lines.append(f"{label} {self._fetch([url]) if own else self._elsewhere(url)}\n")
        path = f"{self._folder}/index.txt.gz"
        (self._home.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self._home.path / path).write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
        return f"dir{self._home.url(path).removeprefix('disco')}"

    def _elsewhere(self, url: str) -> str:
        from ...client.http import web_url

        return web_url(url, self._ddfs.settings)
