"""The adapter under test: a command that is started for each job, or kept and handed one job after the other.

Started for each job it is given the path of a pack as its last word, and its last line is the outcome. Kept
it reads paths from its standard input, a line each, and answers each with a line that is a JSON object; what
else it prints is left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from disco_conformance.play.launch import Process

MAX_OUTCOME_BYTES = 1 << 20
CHUNK = 1 << 16


class Adapter(Protocol):
    """One job at a time. `fd` becomes readable when there may be news; -1: nothing more will come of it."""

    fd: int

    def begin(self, pack: Path, mark: str) -> None:
        """Raises LaunchError."""

    def over(self) -> bool:
        """Whether the job has come to its outcome, or the adapter to its end."""

    def outcome(self) -> dict[str, Any] | None: ...

    def last_line(self) -> str: ...

    def ended(self) -> str: ...

    def leave(self, good: bool) -> None:
        """After the job. `good`: it may go on as it is."""


class Started:
    """An adapter that is started for each job."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command, self._text, self.fd = command, b"", -1
        self._process: Process | None = None

    def begin(self, pack: Path, mark: str) -> None:
        self._process = Process((*self._command, str(pack)), pack.parent, mark, {})
        self.fd = self._process.stdout

    def over(self) -> bool:
        assert self._process is not None
        ended = self._process.poll() is not None
        data, at_end = _read(self._process)
        self._text = (self._text + data)[:MAX_OUTCOME_BYTES]
        if at_end:
            self.fd = -1
        return ended

    def outcome(self) -> dict[str, Any] | None:
        return _object(self.last_line())

    def last_line(self) -> str:
        return self._text.decode("utf-8", "replace").strip().rpartition("\n")[2]

    def ended(self) -> str:
        return str(self._process.poll()) if self._process else "never started"

    def leave(self, good: bool) -> None:
        if self._process is not None:
            self._process.destroy()


class Kept:
    """An adapter that is handed one job after the other. One that failed is ended, and started anew."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-adapter-", ignore_cleanup_errors=True)
        self._process: Process | None = None
        self._rest, self._line = b"", ""
        self._outcome: dict[str, Any] | None = None
        self.fd = -1

    def begin(self, pack: Path, mark: str) -> None:
        if self._process is None:
            self._process = Process(self._command, Path(self._folder.name), uuid.uuid4().hex, {})
            self._rest = b""
        self.fd, self._line, self._outcome = self._process.stdout, "", None
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.stdin, f"{pack}\n".encode())

    def over(self) -> bool:
        assert self._process is not None
        ended = self._process.poll() is not None
        data, at_end = _read(self._process)
        *lines, self._rest = (self._rest + data)[:MAX_OUTCOME_BYTES].split(b"\n")
        for line in lines:
            self._line = line.decode("utf-8", "replace").strip() or self._line
            self._outcome = self._outcome or _object(self._line)
        if at_end:
            self.fd = -1
        return ended or self._outcome is not None

    def outcome(self) -> dict[str, Any] | None:
        return self._outcome

    def last_line(self) -> str:
        return self._line

    def ended(self) -> str:
        return str(self._process.poll() if self._process else "never started")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def leave(self, good: bool) -> None:
        if self._process is not None and not (good and self._process.poll() is None):
            self._process.destroy()
            self._process = None

    def close(self) -> None:
        self.leave(False)
        self._folder.cleanup()


class Adapters:
    """Lends adapters to cases that are played side by side."""

    def __init__(self, command: Sequence[str], keep: bool) -> None:
        self._command, self._keep = command, keep
        self._free: queue.SimpleQueue[Kept] = queue.SimpleQueue()

    @contextlib.contextmanager
    def lent(self) -> Iterator[Adapter]:
        if not self._keep:
            yield Started(self._command)
            return
        try:
            adapter = self._free.get_nowait()
        except queue.Empty:
            adapter = Kept(self._command)
        try:
            yield adapter
        finally:
            self._free.put(adapter)

    def close(self) -> None:
        while not self._free.empty():
            self._free.get().close()


def _read(process: Process) -> tuple[bytes, bool]:
    """What there is to read now, and whether that was all."""
    parts: list[bytes] = []
    while True:
        try:
            data = os.read(process.stdout, CHUNK)
        except BlockingIOError:
            return b"".join(parts), False
        if not data:
            return b"".join(parts), True
        parts.append(data)


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
