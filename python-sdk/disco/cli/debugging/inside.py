"""`disco run --local`: a Python job in this process, so that prints, breakpoints and debuggers just work.

The job is packed as for a master, so that what can't be sent is found here too, and each task loads its
objects anew, as on a node. Modules stay loaded between tasks, which on a node they need not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import click

from ...protocol.messages import OutputMsg, TaskInfo
from ...task import Task, check_oob_key
from ...worker import current
from ...worker.child import run_task
from ...worker.failures import describe
from ...worker.jobdata import load_job
from ..failing import EXIT_ERROR
from ..frame import session
from .conversation import Desk
from .home import LocalHome, job_home
from .phases import Inputs, LocalRun, run_phases


class LocalTask(Task):
    """A task whose out-of-band results stay in this process."""

    def __init__(self, kept: dict[str, bytes], **fields: Any) -> None:
        super().__init__(**fields)
        self._kept = kept

    def put(self, key: str, value: bytes | str) -> None:
        check_oob_key(key)
        self._kept[key] = value.encode() if isinstance(value, str) else bytes(value)

    def get(self, key: str) -> bytes | None:
        return self._kept.get(key)


class LocalChannel:
    """What tasks take for the line to Disco."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self, message: Any) -> Any:
        return self._desk.answer(message)

    def say(self, text: str) -> None:
        click.echo(text, err=True)


@contextmanager
def run_inside(job: Any, arguments: Mapping[str, Any], *, post_mortem: bool = False) -> Iterator[LocalRun]:
    """Run a job here; its files are gone afterwards.

    When a task fails it is told as the master would tell it, with `post_mortem` the debugger opens, and the
    command ends.
    """
    pack = job.pack(**arguments)
    with job_home("local@0:0:0", pack.dumps(), job.settings) as home:
        run = _Inside(home, pack.jobdata, post_mortem)
        with _in_folder(home), _prints_apart():
            done = run_phases(home, run.task)
        if run.kept:
            click.echo(f"out-of-band results: {', '.join(sorted(run.kept))}", err=True)
        yield done


class _Inside:
    def __init__(self, home: LocalHome, jobdata: bytes, post_mortem: bool) -> None:
        self.kept: dict[str, bytes] = {}
        self._home, self._jobdata, self._post_mortem = home, jobdata, post_mortem

    def task(self, info: TaskInfo, inputs: Inputs) -> Sequence[OutputMsg]:
        desk = Desk(info, inputs, lambda text: click.echo(text, err=True))
        task = LocalTask(self.kept, **{field: getattr(info, field) for field in info.__slots__})
        current.channel = LocalChannel(desk)  # type: ignore[assignment]
        try:
            worker, job, jobargs = load_job(self._jobdata)
            run_task((worker, job, {**jobargs, "save": False}), task)
        except Exception as error:
            self._failed(f"{info.mode}:{info.taskid}", inputs, error)
        finally:
            current.channel = current.task = None
        return desk.outputs

    def _failed(self, name: str, inputs: Inputs, error: Exception) -> None:
        import bdb
        import pdb
        import traceback

        if isinstance(error, bdb.BdbQuit):
            click.echo(f"{name}: left from the debugger", err=True)
            click.get_current_context().exit(EXIT_ERROR)
        if session().debug:
            traceback.print_exception(error)
        else:
            click.echo(describe(error), err=True)
        urls = ", ".join(" ".join(replicas) for replicas in inputs)
        click.echo(f"error: {name} failed on {urls}", err=True)
        if self._post_mortem:
            pdb.post_mortem(error.__traceback__)
        click.get_current_context().exit(EXIT_ERROR)


@contextmanager
def _in_folder(home: LocalHome) -> Iterator[None]:
    """Tasks find the job's files in the working directory, its variables, and the modules it brings; where a
    module is here too, it is this one that is taken, whose source the user looks at."""
    folder, variables, path = Path.cwd(), dict(os.environ), list(sys.path)
    os.chdir(home.path)
    os.environ.update(home.envs)
    sys.path += [str(home.path), str(home.path / "lib")]
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:] = path


@contextmanager
def _prints_apart() -> Iterator[None]:
    """Where results go into a pipe, what tasks print goes to standard error instead."""
    if sys.stdout.isatty():
        yield
    else:
        with redirect_stdout(sys.stderr):
            yield
