"""One attempt as the node knows it: its inputs, the outputs it reported, its log, and how it ended.

It answers the worker's questions but reads and writes no pipe. An attempt is settled once: the first end that
is given to it, by the slot that runs it or by an order to stop it before it ran, is the one that is reported.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from disco.protocol.errors import MessageError, quoted
from disco.protocol.messages import (
    Fail,
    InputEntry,
    InputErr,
    InputReply,
    InputRequest,
    OutputMsg,
    Replica,
    Retry,
)

from ..files import UnsafePathError, check_relative, resolve_under
from ..model import AttemptEnd, Mode, Outcome, Output, OutputKind, TaskSpec
from .config import Limits
from .durable import sync_files
from .homes import DISCO_DIR, JobHome

# These mean something in a URL or end its line in an index.
_NOT_IN_URLS = frozenset("%?#") | {chr(code) for code in (*range(0x21), 0x7F)}
_LOG_IS_FULL = "(the log is full: what follows was left out)\n"
MAX_LOGS_LISTED = 10_000
Settled = Callable[["Attempt", AttemptEnd], None]


class OutputError(Exception):
    """Reported outputs are not there. `fatal`: trying again would not help."""

    def __init__(self, reason: str, *, fatal: bool) -> None:
        self.fatal = fatal
        super().__init__(reason)


class Attempt:
    """`stop` may be called from any thread, all else from the slot that has claimed the attempt."""

    def __init__(self, spec: TaskSpec, settled: Settled) -> None:
        self.spec = spec
        self.stopped: AttemptEnd | None = None  # it was told to end, and how that is reported
        self._settled = settled
        self._is_settled = False
        self._wake: Callable[[], None] | None = None  # once a worker has it
        self._lock = threading.Lock()

    def stop(self, outcome: Outcome, reason: str) -> None:
        """Have it end: at once if no worker has it yet, else by waking its slot."""
        end = AttemptEnd(outcome, reason)
        with self._lock:
            self.stopped = self.stopped or end
            wake = self._wake
        if wake is None:
            self.settle(end)
        else:
            wake()

    def start(self, wake: Callable[[], None]) -> bool:
        """A worker has it now; `wake` makes its slot look at `stopped`. False: it was stopped before."""
        with self._lock:
            if self.stopped is None:
                self._wake = wake
        return self._wake is not None

    def settle(self, end: AttemptEnd) -> None:
        with self._lock:
            if self._is_settled:
                return
            self._is_settled = True
        self._settled(self, end)


class Answers:
    """What Disco answers to the worker of one attempt, and what it keeps of what the worker said."""

    def __init__(self, spec: TaskSpec, home: JobHome, limits: Limits) -> None:
        self.log = AttemptLog(home.path, spec, limits.log_bytes)
        self._home, self._limits = home, limits
        self._inputs = {entry.id: entry for entry in spec.inputs}
        self._failed: set[tuple[int, int]] = set()  # (input, replica) that this attempt could not read
        self._outputs: dict[
            Output, str
        ] = {}  # with the location of local ones; a report repeated counts once

    def inputs(self, request: InputRequest) -> InputReply:
        chosen = set(request.ids) if request.select != "all" else set(self._inputs)
        listed = request.select != "exclude"
        wanted = (number for number in self._inputs if (number in chosen) is listed)
        return InputReply(False, tuple(map(self._entry, wanted)))

    def replicas_failed(self, report: InputErr) -> Retry | Fail:
        known = self._inputs.get(report.input_id)
        if known is None:
            return Fail()
        self._failed.update((known.id, replica) for replica in report.replica_ids)
        left = self._replicas_left(known.id)
        return Retry(left) if left else Fail()

    def output(self, message: OutputMsg) -> None:
        """Raises MessageError for a location that no output may have."""
        if len(self._outputs) >= self._limits.outputs:
            raise MessageError("OUTPUT", f"more than {self._limits.outputs} outputs; use fewer labels a task")
        if message.type == "tag":
            name = message.location.removeprefix("tag://")
            if not name or not _NOT_IN_URLS.isdisjoint(name):
                raise MessageError("OUTPUT", f"{quoted(message.location)} is no name of a tag")
            self._outputs[Output(f"tag://{name}", OutputKind.TAG)] = ""
            return
        location = os.path.normpath(message.location)
        try:
            check_relative(location)
        except UnsafePathError as error:
            raise MessageError("OUTPUT", str(error)) from error
        if not _NOT_IN_URLS.isdisjoint(location):
            raise MessageError("OUTPUT", f"{quoted(location)} holds a blank, %, ? or #; rename the file")
        url = self._home.base_url + location
        self._outputs[Output(url, OutputKind(message.type), message.label)] = location

    def finish(self) -> tuple[Output, ...]:
        """The outputs, with their sizes, once they are safe on disk. Raises OutputError."""
        found = {location: self._file(location) for location in self._outputs.values() if location}
        files = {path: None for path, _ in found.values()}
        try:
            if files:
                sync_files(files, self._directories(files))
        except OSError as error:
            raise OutputError(f"outputs can't be made safe: {error.strerror}", fatal=False) from error
        sizes = {location: size for location, (_, size) in found.items()}
        return tuple(
            replace(output, size_bytes=sizes.get(location, 0)) for output, location in self._outputs.items()
        )

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The replicas that the worker gave up on."""
        return tuple(
            url
            for entry in self._inputs.values()
            for replica, url in enumerate(entry.urls)
            if (entry.id, replica) in self._failed
        )

    def _entry(self, number: int) -> InputEntry:
        replicas = tuple(Replica(i, url) for i, url in enumerate(self._inputs[number].urls))
        return InputEntry(number, "ok" if self._replicas_left(number) else "failed", replicas)

    def _replicas_left(self, number: int) -> tuple[Replica, ...]:
        urls = enumerate(self._inputs[number].urls)
        return tuple(Replica(i, url) for i, url in urls if (number, i) not in self._failed)

    def _file(self, location: str) -> tuple[Path, int]:
        """Path and size."""
        try:
            path = resolve_under(self._home.path, location)
            found = path.stat()
        except UnsafePathError as error:
            raise OutputError(f"OUTPUT {location!r}: {error.reason}", fatal=True) from error
        except OSError as error:
            raise OutputError(
                f"OUTPUT {location!r} is not in the job home: {error.strerror}; write it before DONE",
                fatal=False,
            ) from error
        if not stat.S_ISREG(found.st_mode):
            raise OutputError(f"OUTPUT {location!r} is no regular file", fatal=True)
        return path, found.st_size

    def _directories(self, files: dict[Path, None]) -> list[Path]:
        """All between the files and the job home, deepest first."""
        root = Path(os.path.realpath(self._home.path))
        found: dict[Path, None] = {}
        for file in files:
            directory = file.parent
            while directory not in found:
                found[directory] = None
                if directory == root:
                    break
                directory = directory.parent
        return sorted(found, key=lambda directory: -len(directory.parts))


def log_path(home: Path, mode: Mode, task: int, attempt: int) -> Path:
    return home / DISCO_DIR / "logs" / f"{mode.value}-{task}-{attempt}.log"


def find_logs(home: Path, mode: str = "*", task: str = "*") -> list[tuple[str, int, int, int]]:
    """(mode, task, attempt, bytes) of the logs that a job has here: in order, the newest MAX_LOGS_LISTED."""
    found = []
    for path in (home / DISCO_DIR / "logs").glob(f"{mode}-{task}-*.log"):
        named, number, attempt = path.stem.split("-")
        with contextlib.suppress(FileNotFoundError):
            found.append((named, int(number), int(attempt), path.stat().st_size))
    return sorted(sorted(found, key=lambda log: log[2])[-MAX_LOGS_LISTED:])


class AttemptLog:
    """What the worker said, on the node until the job's data are deleted.

    The file is made with the first line, so that silent tasks cost nothing. It is bounded: after `cap_bytes`
    a mark says that the rest was left out. Nothing is raised: a full disk must not fail a task for its log.
    """

    def __init__(self, home: Path, spec: TaskSpec, cap_bytes: int) -> None:
        self._home, self._spec, self._left = home, spec, cap_bytes
        self._file: BinaryIO | None = None

    def line(self, text: str) -> None:
        if self._left <= 0:
            return
        data = text.encode("utf-8", "replace") + b"\n"
        if len(data) > self._left:
            data = data[: self._left] + b"\n" + _LOG_IS_FULL.encode()
            self._left = 0
        self._left -= len(data)
        self._write(data)

    def close(self, last_line: str = "") -> None:
        """`last_line` is written even if the log is full."""
        if last_line:
            self._write(last_line.encode("utf-8", "replace") + b"\n")
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                path = log_path(self._home, self._spec.mode, self._spec.task, self._spec.attempt)
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("ab", buffering=0)
            self._file.write(data)
