"""What a task prints becomes messages to Disco, and never reaches the protocol's pipes.

Two ways out of a process are covered: Python's own `sys.stdout` and `sys.stderr`, whose lines are sent
at once, and the file descriptors 1 and 2, which C code and child processes write to: they lead to an
unlinked file, and what has come into it is sent when the task ends.
"""

from __future__ import annotations

import fcntl
import io
import os
import sys
import tempfile
from collections.abc import Callable

MAX_LINE_CHARS = 16_000  # a longer line is cut into several messages
MAX_CAPTURED_BYTES = 64 * 1024  # of what came through file descriptors, the newest is kept
MAX_CAPTURED_LINES = 100


class MessageStream(io.TextIOBase):
    """A text stream that hands over whole lines, as they are completed."""

    def __init__(self, send: Callable[[str], None]) -> None:
        super().__init__()
        self._send = send
        self._open_line = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the stubs
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"can only print text, not {type(text).__name__}")
        *lines, self._open_line = (self._open_line + text).split("\n")
        for line in lines:
            self._line(line)
        if len(self._open_line) > MAX_LINE_CHARS:
            self.finish()
        return len(text)

    def finish(self) -> None:
        """Send an unfinished last line too."""
        line, self._open_line = self._open_line, ""
        self._line(line)

    def _line(self, line: str) -> None:
        if line.strip():
            for start in range(0, len(line), MAX_LINE_CHARS):
                self._send(line[start : start + MAX_LINE_CHARS])


class CaptureFile:
    """The unlinked file behind file descriptors 1 and 2; made once a process, emptied for each task."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            self.fd = os.dup(file.fileno())
        flags = fcntl.fcntl(self.fd, fcntl.F_GETFL)
        fcntl.fcntl(self.fd, fcntl.F_SETFL, flags | os.O_APPEND)  # writers share the end of the file

    def take_standard_output(self) -> None:
        """Point file descriptors 1 and 2 here."""
        for standard in (1, 2):
            os.dup2(self.fd, standard)

    def take_lines(self) -> list[str]:
        """The newest lines that came in; the file is empty afterwards."""
        size = os.fstat(self.fd).st_size
        if not size:
            return []
        start = max(0, size - MAX_CAPTURED_BYTES)
        text = os.pread(self.fd, MAX_CAPTURED_BYTES, start).decode("utf-8", "backslashreplace")
        os.ftruncate(self.fd, 0)
        lines = [line for line in text.splitlines() if line.strip()]
        left_out = len(lines) - MAX_CAPTURED_LINES
        if start or left_out > 0:
            lines = [f"... of {size} bytes of output, the end:", *lines[-MAX_CAPTURED_LINES:]]
        return lines


def show_prints_as_messages(send: Callable[[str], None]) -> tuple[MessageStream, MessageStream]:
    """Replace `sys.stdout` and `sys.stderr`. Warnings go to the latter."""
    out, err = MessageStream(send), MessageStream(send)
    sys.stdout, sys.stderr = out, err
    return out, err
