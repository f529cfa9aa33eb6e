"""Job homes: where the workers of a job run and leave their files.

A pack is fetched and unpacked once for each job and node: into a neighbour of the job home, which is renamed
when it is whole and carries the mark `.jobhome`. A home without the mark is what a crash left, and is made
anew. What a home says about starting its worker is read once and kept, since a node starts thousands of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobpack.format import PackError, check_jobdict, parse_jobdict, parse_jobenvs, read_section
from jobpack.unpack import unpack_pack

from ..files import UnsafePathError, resolve_under
from ..model import Mode
from .config import hash_prefix
from .process import Program, ProgramError, find_program

MARK = ".jobhome"
JOB_FILE = "jobfile"
DISCO_DIR = ".disco"
OUTPUT_DIR = "out"
LOCKS = 16  # a job has one of them: jobs rarely wait for one another, and nothing has to be cleared away
_STAGE, _DOOMED = ".unpacking-", ".deleting-"  # no job name starts with a dot
_DELETE_TRIES = 3
MAX_NAME_BYTES = 255 - len(_STAGE)  # of a job: with a mark before it, it must still be a file's name


class HomeError(Exception):
    """The job home can't be had here. `lasting`: it would be the same on every node, so don't try again."""

    def __init__(self, job: str, reason: str, *, lasting: bool) -> None:
        self.job, self.lasting = job, lasting
        super().__init__(f"job home of {job}: {reason}")


@dataclass(frozen=True, slots=True)
class JobHome:
    """A job home that is there. `base_url` is the URL of its directory, with a slash at the end."""

    job: str
    path: Path
    base_url: str
    program: Program

    @property
    def jobfile(self) -> Path:
        return self.path / JOB_FILE

    def remove_unfinished(self, mode: Mode, task: int) -> None:
        """Delete what a failed attempt has written below `.disco/out/MODE-TASK-…`, so that it fills no disk.

        A task has one attempt at a time, so none of it is another's.
        """
        for remains in (self.path / DISCO_DIR / OUTPUT_DIR).glob(f"{mode.value}-{task}-*"):
            shutil.rmtree(remains, ignore_errors=True)


class Homes:
    """The job homes below DISCO_DATA/HOST. Any thread may call; one job is unpacked by one thread."""

    def __init__(self, disco_data: Path, host: str, fetch: Callable[[str], Path]) -> None:
        self.root = disco_data / host
        self._host, self._fetch = host, fetch
        self._ready: dict[str, JobHome] = {}
        self._locks = tuple(threading.Lock() for _ in range(LOCKS))

    def path(self, job: str) -> Path:
        """Where the home of `job` is or would be. Raises HomeError for a name that no job has."""
        if not job or job.startswith(".") or "/" in job or "\0" in job or len(job.encode()) > MAX_NAME_BYTES:
            raise HomeError(job[:80], "this is no name of a job", lasting=True)
        return self.root / hash_prefix(job) / job

    def base_url(self, job: str) -> str:
        return f"disco://{self._host}/disco/{self._host}/{hash_prefix(job)}/{job}/"

    def open(self, job: str) -> JobHome:
        """The home of `job`, unpacked now if need be. Raises HomeError."""
        home = self._ready.get(job)
        if home is not None:
            return home
        path = self.path(job)
        with self._lock_of(job):
            home = self._ready.get(job)
            if home is None:
                home = self._make(job, path)
                self._ready[job] = home
        return home

    def forget(self, job: str) -> None:
        """Drop what is remembered of `job`; its files stay."""
        self._ready.pop(job, None)

    def delete(self, job: str) -> None:
        """Delete everything this node keeps of `job`. Raises OSError when something can't be deleted."""
        path = self.path(job)
        doomed = path.with_name(_DOOMED + job)
        with self._lock_of(job):
            self.forget(job)
            _remove(path.with_name(_STAGE + job))
            _remove(doomed)
            with suppress(FileNotFoundError):
                path.rename(doomed)  # at once: half a home must never be taken for a whole one
            _remove(doomed)

    def clear_leftovers(self) -> None:
        """Remove what a crash left half unpacked or half deleted. For the start of a node."""
        for pattern in (".unpack*", _DOOMED + "*"):  # the first is jobpack's too
            for left in self.root.glob(f"??/{pattern}"):
                _remove(left)

    def _lock_of(self, job: str) -> threading.Lock:
        return self._locks[hash(job) % LOCKS]

    def _make(self, job: str, path: Path) -> JobHome:
        try:
            if not (path / MARK).exists():
                self._unpack(job, path)
            worker = _worker(path / JOB_FILE)
            with (path / JOB_FILE).open("rb") as file:
                envs = parse_jobenvs(read_section(file, "jobenvs"))
            program = find_program(resolve_under(path, worker), worker, path, envs)
        except (PackError, UnsafePathError, ProgramError) as error:
            raise HomeError(job, str(error), lasting=True) from error
        except OSError as error:
            raise HomeError(job, _text(error), lasting=False) from error
        return JobHome(job, path, self.base_url(job), program)

    def _unpack(self, job: str, path: Path) -> None:
        stage = path.with_name(_STAGE + job)
        _remove(stage)
        _remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        pack = self._fetch(job)
        try:
            unpack_pack(pack, stage)
            _link_or_copy(pack, stage / JOB_FILE)
            with suppress(PackError, OSError):  # a missing worker gets its own message when it is looked for
                (stage / _worker(stage / JOB_FILE)).chmod(0o755)
            (stage / MARK).touch()
            stage.rename(path)
        finally:
            _remove(stage)


def _worker(pack: Path) -> str:
    with pack.open("rb") as file:
        return check_jobdict(parse_jobdict(read_section(file, "jobdict"))).worker


def _link_or_copy(source: Path, target: Path) -> None:
    if target.exists():
        target.unlink()  # a file of the job's own has no claim to this name
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    for left in reversed(range(_DELETE_TRIES)):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
        except OSError as error:  # a worker on its way out may still write
            if error.errno != errno.ENOTEMPTY or not left:
                raise


def _text(error: OSError) -> str:
    way_out = "; free space or remove the node" if error.errno == errno.ENOSPC else ""
    return f"{error.strerror or error}: {error.filename or ''}".rstrip(": ") + way_out
