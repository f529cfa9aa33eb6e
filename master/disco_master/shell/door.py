"""The master's door: how web requests reach the loop and the master's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jobpack.format import JobPack
from jobpack.unpack import verify_home

from ..events import BlacklistChanged, Event, JobCleaned, JobSubmitted, NodeTableSaved
from ..model import MasterView
from ..web.door import Unavailable
from .inspection import Inspection
from .jobs import JobFiles, JobNames, spec_of
from .loop import Loop


class Door:
    """Implements `web.door.MasterDoor`. `configured` is called with the view after each change of nodes."""

    def __init__(
        self,
        loop: Loop,
        files: JobFiles,
        names: JobNames,
        configured: Callable[[MasterView], None],
        inspection: Inspection,
    ) -> None:
        self._loop, self._files, self._names, self._configured = loop, files, names, configured
        self.view: Callable[[], MasterView] = loop.view
        self.wait_for_change: Callable[[int, float], MasterView] = loop.wait_for_change
        self.why, self.state = inspection.why, inspection.state
        self.attempt_logs, self.attempt_log = inspection.attempt_logs, inspection.attempt_log

    def tell(self, event: Event) -> MasterView:
        view = self._loop.tell(event)
        if isinstance(event, NodeTableSaved | BlacklistChanged):
            self._configured(view)
        return view

    def submit(self, pack: bytes) -> str:
        """All or nothing (M685): the pack is safe and the job journalled, or there is no trace of either."""
        parts = JobPack.loads(pack)
        job = parts.job()
        verify_home(parts.jobhome, job.worker)
        name = self._names.new(job.prefix)
        try:
            self._files.keep(name, pack)
        except OSError as error:
            self._files.delete(name)
            raise Unavailable(f"the master can't keep the job pack: {error}") from error
        try:
            self._loop.tell(JobSubmitted(spec_of(name, job)))
        except Unavailable:
            # The client will be told "no", so the job must not start once the loop gets to it.
            self._loop.put(JobCleaned(name, purge=True))
            raise
        return name

    def job_file(self, job: str) -> Path | None:
        return self._existing(job, self._files.pack)

    def events_file(self, job: str) -> Path | None:
        return self._existing(job, self._files.events)

    def _existing(self, job: str, place: Callable[[str], Path]) -> Path | None:
        try:
            path = place(job)
        except ValueError:
            return None
        return path if path.exists() else None
