"""A whole job on this machine, one task after the other: maps, shuffle, reduces.

How a task is carried out is the caller's choice: in this process (`inside`), or by the worker that the pack
brings, in a process of its own.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import click

from ...protocol.messages import OutputMsg, TaskInfo
from ...settings import DiscoSettings
from ..failing import CommandError
from .conversation import Desk, converse
from .home import KEPT, LocalHome, job_home

Inputs = Sequence[Sequence[str]]
RunTask = Callable[[TaskInfo, Inputs], Sequence[OutputMsg]]


@dataclass(frozen=True)
class LocalRun:
    """A job that has run here. `results` are (label, URL): files of the home, or tags."""

    home: LocalHome
    results: list[tuple[int, str]]


def run_phases(home: LocalHome, run_task: RunTask) -> LocalRun:
    """Run all tasks. What `run_task` raises ends the job."""
    job = home.job
    found: list[tuple[int, str]] = []
    if job.has_map:
        for number, urls in enumerate(job.inputs):
            found += _placed(home, run_task(home.task("map", number), [urls]))
    if job.has_reduce:
        inputs: Inputs = job.inputs
        if job.has_map:
            index = _write_index(home, [(label, url) for label, url in found if not url.startswith("tag://")])
            inputs = [[index]] if found else []
        found = []
        for number in range(job.nr_reduces):
            found += _placed(home, run_task(home.task("reduce", number), inputs))
    return LocalRun(home, sorted(set(found)))


def _placed(home: LocalHome, outputs: Sequence[OutputMsg]) -> list[tuple[int, str]]:
    found = []
    for output in outputs:
        if output.type == "tag":
            found.append((0, f"tag://{output.location.removeprefix('tag://')}"))
        elif not (home.path / output.location).is_file():
            raise CommandError(f"OUTPUT {output.location!r} is not in the job home; write it before DONE")
        else:
            found.append((output.label if output.type == "part" else 0, home.url(output.location)))
    return found


def _write_index(home: LocalHome, outputs: Sequence[tuple[int, str]]) -> str:
    name = f"{KEPT}/map-index.txt.gz"
    lines = "".join(f"{label} {url}\n" for label, url in sorted(set(outputs)))
    (home.path / name).write_bytes(gzip.compress(lines.encode(), mtime=0))
    return f"dir{home.url(name).removeprefix('disco')}"


@contextmanager
def run_job(pack: bytes, settings: DiscoSettings) -> Iterator[LocalRun]:
    """Run a packed job of any language here; its files are gone afterwards. Raises CommandError."""
    with job_home("local@0:0:0", pack, settings) as home:
        yield run_phases(home, lambda task, inputs: _in_a_process(home, task, inputs))


def _in_a_process(home: LocalHome, task: TaskInfo, inputs: Inputs) -> Sequence[OutputMsg]:
    name = f"{task.mode}:{task.taskid}"
    verdict = converse(home, Desk(task, inputs, lambda text: click.echo(f"[{name}] {text}", err=True)))
    if verdict.outcome != "done":
        raise CommandError(f"{name} failed ({verdict.outcome}): {verdict.text}")
    return verdict.outputs
