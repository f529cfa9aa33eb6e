"""Waiting for a job, and showing its events and how far it is. A master that restarts is waited for too."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..error import CommError, JobError
from .events import EventPrinter

if TYPE_CHECKING:
    from .core import Disco

MASTER_GAP_S = 300.0  # how long a master may not answer
FIRST_POLL_S = 0.2
PAUSE_S = 0.5  # before a master that did not answer is asked again


def wait_for_job(
    disco: Disco, jobname: str, poll_interval: float, timeout: float | None, show: bool | str | None
) -> list[str]:
    """The results of the job once it is ready. Raises JobError."""
    show = disco.settings["DISCO_EVENTS"] if show is None else show
    printer = EventPrinter("" if not show else show if isinstance(show, str) else "text")
    started_s = last_heard_s = time.monotonic()
    found: list[str] = []
    watch = _EventWatch(disco, jobname, printer)
    poll_s = min(FIRST_POLL_S, poll_interval) if printer.style else poll_interval
    while True:
        left_s = None if timeout is None else started_s + timeout - time.monotonic()
        wait_s = poll_s if left_s is None else max(0.0, min(poll_s, left_s))
        try:
            status, found = disco.results(jobname, timeout=int(wait_s * 1000))
            last_heard_s = time.monotonic()
        except CommError as error:
            if time.monotonic() - last_heard_s > MASTER_GAP_S or error.code in (400, 404):
                raise
            status = "active"
            time.sleep(PAUSE_S)
        with suppress(CommError):
            watch.show_new()
        if status == "ready":
            return found
        if status != "active":
            raise JobError(jobname, disco.failure_of(jobname, status))
        if timeout is not None and time.monotonic() - started_s >= timeout:
            raise JobError(jobname, f"Timeout: it has not finished in {timeout} seconds, and goes on")
        poll_s = min(poll_s * 2, poll_interval)


class _EventWatch:
    """Prints each event of a job once."""

    def __init__(self, disco: Disco, jobname: str, printer: EventPrinter) -> None:
        self._disco = disco
        self._jobname = jobname
        self._printer = printer
        self._offset = 0
        if printer.style:
            printer.heading(jobname)

    def show_new(self) -> None:
        if not self._printer.style:
            return
        for offset, event in self._disco.events(self._jobname, self._offset):
            self._offset = offset
            self._printer.event(event)
        if self._printer.shows_status:
            phase = _running_phase(self._disco.jobinfo(self._jobname))
            if phase is not None:
                self._printer.status(*phase)


def _running_phase(info: Mapping[str, Any]) -> tuple[str, Sequence[int]] | None:
    """(mode, counts) of the phase that a job is in, or was in last; None when it has no tasks yet."""
    of_map, of_reduce = info.get("mapi") or (), info.get("redi") or ()
    if any(of_reduce) and not any(of_map[:2]):
        return "reduce", of_reduce
    return ("map", of_map) if any(of_map) else None
