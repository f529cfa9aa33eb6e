"""A tiny process that outlives the node just long enough to kill its workers.

Workers run in process groups of their own, so nothing of the kernel's ends them when the node is killed with
SIGKILL. The warden holds the read end of a pipe whose only write end is the node's: lines `+PGID` and `-PGID`
tell it which groups live, and the end of the file tells it that the node is gone. This file is also the
program, started without the site module so that it costs a few milliseconds and megabytes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

READ_BYTES = 65536
STOP_S = 5.0


class Warden:
    """The node's end. `watch` and `release` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._write_end = -1

    def start(self) -> None:
        read_end, self._write_end = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__],
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the node's terminal must not end it
                cwd="/",
            )
        finally:
            os.close(read_end)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def watch(self, pgid: int) -> None:
        self._tell(f"+{pgid}\n")

    def release(self, pgid: int) -> None:
        self._tell(f"-{pgid}\n")

    def stop(self) -> None:
        """Kills what is still watched."""
        with self._lock:
            write_end, self._write_end = self._write_end, -1
            process, self._process = self._process, None
        if write_end >= 0:
            os.close(write_end)
        if process is not None:
            process.wait(STOP_S)

    def _tell(self, line: str) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            if self._write_end >= 0:
                os.write(self._write_end, line.encode())  # shorter than PIPE_BUF: never torn


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    rest = b""
    while data := os.read(0, READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
