"""How far a transfer has come: a bar on the terminal, fed by the files that pass.

    with Transfer("chunking", total_bytes) as transfer:
        ddfs = Watched(transfer, settings=...)

Nothing is drawn unless standard error is a terminal. Bytes count once, however often a file is read: each
replica of a blob is sent from its beginning. The display is drawn by rich from a thread of its own.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Self, TextIO, cast

from ...ddfs import DDFS
from ..frame import Session


class Transfer:
    """`total_bytes` is None when it is not known beforehand."""

    def __init__(self, what: str, total_bytes: int | None, out: TextIO | None = None) -> None:
        self._what, self._total = what, total_bytes
        self._out = out or sys.stderr
        self._lock = threading.Lock()
        self._done = 0
        self._progress: Any = None
        self._bar: Any = None

    @property
    def done_bytes(self) -> int:
        return self._done

    def __enter__(self) -> Self:
        if self._out.isatty():
            self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self._progress is not None:
                self._progress.update(self._bar, completed=self._done)

    def watch(self, file: Any) -> BinaryIO:
        """`file`, whose reading moves the bar; without a bar the file itself, which the kernel can copy."""
        return cast(BinaryIO, file if self._progress is None else WatchedFile(file, self))

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as SpeedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(complete_style="cyan", finished_style="green"),
            DownloadColumn(binary_units=True),
            SpeedColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console(file=self._out))
        self._bar = self._progress.add_task(self._what, total=self._total)
        self._progress.start()


class WatchedFile:
    """A binary file that tells a Transfer how far it has been read; in all else the file itself."""

    def __init__(self, file: Any, transfer: Transfer) -> None:
        self._file, self._transfer = file, transfer
        self._position = self._furthest = 0

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._file.read(size)
        self._count(len(data))
        return data

    def readline(self, size: int = -1, /) -> bytes:
        line: bytes = self._file.readline(size)
        self._count(len(line))
        return line

    def readinto(self, buffer: Any, /) -> int:
        count: int = self._file.readinto(buffer)
        self._count(count or 0)
        return count

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._position = self._file.seek(offset, whence)
        return self._position

    def fileno(self) -> int:
        raise io.UnsupportedOperation("read it: what the kernel copies is not seen here")

    def __iter__(self) -> Iterator[bytes]:
        for line in self._file:
            self._count(len(line))
            yield line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _count(self, count: int) -> None:
        self._position += count
        if self._position > self._furthest:
            self._transfer.advance(self._position - self._furthest)
            self._furthest = self._position


class WatchedDDFS(DDFS):
    """A DDFS whose inputs move the bar of a transfer."""

    transfer: Transfer

    def open_input(self, url: str | Sequence[str]) -> BinaryIO:
        return self.transfer.watch(super().open_input(url))


def watched(found: Session, transfer: Transfer) -> WatchedDDFS:
    ddfs = WatchedDDFS(settings=found.settings)
    ddfs.transfer = transfer
    return ddfs


def bytes_of(inputs: Sequence[str | Sequence[str]]) -> int | None:
    """The bytes of local inputs together; None if there are others."""
    total = 0
    for one in inputs:
        first = one if isinstance(one, str) else one[0]
        path = Path(first.removeprefix("file://"))
        with suppress(OSError):
            if "://" not in str(path) and path.is_file():
                total += path.stat().st_size
                continue
        return None
    return total
