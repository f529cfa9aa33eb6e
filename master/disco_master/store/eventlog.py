"""The event log of each job: a file of lines that clients read by byte offset.

A line is `["YYYY/MM/DD HH:MM:SS","host","text"]`, local time, UTF-8. Lines are buffered here until `flush`:
the shell flushes before anybody reads, and every now and then. A file only ever grows, by whole lines; a
line torn by a crash is cut off when the file is next opened.
"""

from __future__ import annotations

import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

TEXT_MAX = 8192  # characters
BUFFER_MAX_BYTES = 1024 * 1024  # of one job; then it is written by itself
OPEN_FILES_MAX = 64

_OPEN = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_TAIL_BYTES = 64 * 1024


def line(when_s: float, host: str, text: str) -> bytes:
    """One event as its line in the file. Text that is no Unicode is shown byte by byte."""
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(when_s))
    row = [stamp, _legible(host), _legible(text)[:TEXT_MAX]]
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _legible(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raw = text.encode("utf-8", "surrogatepass")
        shown = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in raw)
        return f"WARNING: Binary message data: {shown}"
    return text


class EventLog:
    """The logs of all jobs. `path_of` names a job's file; its directory must exist.

    A job whose directory is gone has been cleaned: what is logged for it is dropped. Other disk trouble is
    raised as OSError, and what could not be written is kept for the next flush, up to the buffer's size.
    """

    def __init__(self, path_of: Callable[[str], Path], *, open_files_max: int = OPEN_FILES_MAX) -> None:
        self._path_of = path_of
        self._open_files_max = open_files_max
        self._buffers: dict[str, bytearray] = {}
        self._files: OrderedDict[str, int] = OrderedDict()  # least recently used first

    def append(self, job: str, when_s: float, host: str, text: str) -> None:
        if len(self._buffers.get(job, b"")) >= BUFFER_MAX_BYTES:
            self.flush(job)
        self._buffers.setdefault(job, bytearray()).extend(line(when_s, host, text))

    def flush(self, job: str) -> None:
        """Everything appended for the job is in its file when this returns."""
        buffer = self._buffers.get(job)
        if buffer:
            try:
                file = self._file(job)
            except (FileNotFoundError, NotADirectoryError):
                self.drop(job)
                return
            while buffer:
                written = os.write(file, buffer)
                del buffer[:written]
        self._buffers.pop(job, None)

    def flush_all(self) -> None:
        for job in list(self._buffers):
            self.flush(job)

    def drop(self, job: str) -> None:
        """The job's files are going to be deleted: let go of them."""
        self._buffers.pop(job, None)
        file = self._files.pop(job, None)
        if file is not None:
            os.close(file)

    def close(self) -> None:
        try:
            self.flush_all()
        finally:
            for job in list(self._files):
                self.drop(job)

    @property
    def open_files(self) -> int:
        return len(self._files)

    def _file(self, job: str) -> int:
        file = self._files.get(job)
        if file is None:
            while len(self._files) >= self._open_files_max:
                os.close(self._files.popitem(last=False)[1])
            file = os.open(self._path_of(job), _OPEN, 0o644)
            self._files[job] = file
            _cut_torn_line(file)
        self._files.move_to_end(job)
        return file


def _cut_torn_line(file: int) -> None:
    """Cut what follows the last line feed."""
    end = os.fstat(file).st_size
    while end:
        start = max(0, end - _TAIL_BYTES)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end != os.fstat(file).st_size:
        os.ftruncate(file, end)
