"""A job's progress on the terminal: a bar for each phase, fed by job info while somebody waits.

    with PhaseProgress(disco, job.name):
        job.wait(show=False)

Nothing is drawn, and nothing is asked, unless standard error is a terminal. A master that does not answer for
a while leaves the bars as they are.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import Any, Protocol, Self, TextIO

from ..error import DiscoError

POLL_S = 0.2
_PHASES = (("map", "mapi"), ("reduce", "redi"))


class JobInfoSource(Protocol):
    def jobinfo(self, jobname: str) -> dict[str, Any]: ...


class PhaseProgress:
    """Draws from a thread of its own between `with` and its end."""

    def __init__(self, disco: JobInfoSource, jobname: str, out: TextIO | None = None) -> None:
        self._disco = disco
        self._jobname = jobname
        self._out = out or sys.stderr
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="job-progress", daemon=True)

    def __enter__(self) -> Self:
        if self._out.isatty():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description:<7}"),
            BarColumn(complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:.0f}/{task.total:.0f} tasks"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(file=self._out)) as progress:
            bars: dict[str, Any] = {}
            last = False
            while not last:
                last = self._over.wait(POLL_S)  # once more after the end, for the final state
                for phase, counts in self._counts():
                    total, done, note = bar_of(counts)
                    if phase not in bars:
                        bars[phase] = progress.add_task(phase, total=total, note="")
                    progress.update(bars[phase], total=total, completed=done, note=note)

    def _counts(self) -> list[tuple[str, Sequence[int]]]:
        try:
            info = self._disco.jobinfo(self._jobname)
        except DiscoError:
            return []
        return [(phase, info[key]) for phase, key in _PHASES if sum(info.get(key) or ())]


def bar_of(counts: Sequence[int]) -> tuple[int, int, str]:
    """Total, done and a note, from the numbers of waiting, running, done and failed tasks."""
    waiting, running, done, failed = counts
    note = f"{running} running" if running else ""
    if failed:
        note = f"{note}, {failed} failed and tried again".removeprefix(", ")
    return waiting + running + done, done, note


def wait_with_progress(job: Any, **waiting: Any) -> Any:
    """`job.wait(...)` under a progress display; returns its results."""
    with PhaseProgress(job.disco, job.name):
        return job.wait(**{"show": False, **waiting})
