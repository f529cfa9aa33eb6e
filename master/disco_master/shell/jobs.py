"""The master's files of a job: its pack and its event log, in `DISCO_DATA/_NAME/HH/JOB/`."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from jobpack.format import JobDict

from ..model import JobSpec, SchedulerOptions

JOB_NAME = re.compile(r"[A-Za-z0-9_]+@[0-9a-f]+:[0-9a-f]+:[0-9a-f]+")


class JobNames:
    """Makes unique job names, `PREFIX@M:S:U` with the three parts of the clock in hex (M111)."""

    def __init__(self, clock_us: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._clock_us = clock_us
        self._last = 0
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        with self._lock:
            self._last = max(self._clock_us(), self._last + 1)
            seconds, micro = divmod(self._last, 1_000_000)
        mega, second = divmod(seconds, 1_000_000)
        return f"{prefix}@{mega:x}:{second:x}:{micro:x}"


class JobFiles:
    """Where the packs and events lie, and how a pack gets there safely."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, job: str) -> Path:
        """The job's folder, whether it exists or not. Raises ValueError for what is no job name."""
        if not JOB_NAME.fullmatch(job):
            raise ValueError(f"not a job name: {job!r}")
        return self._root / hashlib.md5(job.encode(), usedforsecurity=False).hexdigest()[:2] / job

    def pack(self, job: str) -> Path:
        return self.folder(job) / "jobfile"

    def events(self, job: str) -> Path:
        return self.folder(job) / "events"

    def keep(self, job: str, pack: bytes) -> None:
        """Write the pack so that it survives a crash. Raises OSError."""
        folder = self.folder(job)
        folder.mkdir(parents=True)
        partial = folder / "jobfile.partial"
        with partial.open("wb") as file:
            file.write(pack)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.pack(job))
        for changed in (folder, folder.parent):
            handle = os.open(changed, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def delete_unknown(self, known: Collection[str]) -> None:
        """Remove folders of jobs that are not known: a crash came between the pack and the journal."""
        for folder in self._root.glob("[0-9a-f][0-9a-f]/*"):
            if JOB_NAME.fullmatch(folder.name) and folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def delete(self, job: str) -> None:
        shutil.rmtree(self.folder(job), ignore_errors=True)


def spec_of(name: str, job: JobDict) -> JobSpec:
    """The job as the core sees it."""
    return JobSpec(
        name=name,
        prefix=job.prefix,
        owner=job.owner,
        worker=job.worker,
        inputs=job.inputs,
        has_map=job.has_map,
        has_reduce=job.has_reduce,
        nr_reduces=job.nr_reduces,
        scheduler=SchedulerOptions(
            max_cores=job.max_cores,
            force_local=job.force_local,
            force_remote=job.force_remote,
            max_failures=job.max_failures,
            max_job_failures=job.max_job_failures,
            backup_tasks=job.backup_tasks,
            task_timeout_s=job.task_timeout,
        ),
    )
