"""The two pipes of a process under test, with deadlines: nothing here can block for longer than it was told.

While bytes are written, bytes are read as well, so that two full pipes cannot hold each other up.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import time

from disco_conformance.play.launch import Process
from disco_conformance.wire.frames import Frame, FrameFault, FrameReader

CHUNK = 1 << 18
DRAIN_WAIT_S = 0.01
MAX_DISCARDED = 256 << 20
TAIL_BYTES = 4096


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._at

    def at_most(self, seconds: float | None) -> Deadline:
        return Deadline(min(self.left, max(0.0, seconds) if seconds is not None else self.left))


class Channel:
    """`at_eof`: the worker (and whoever shares its pipe) has closed its side."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._reader = FrameReader()
        self._writing = True
        self.at_eof = False
        self.received = 0
        self.tail = b""
        self.fault: FrameFault | None = None

    @property
    def pending(self) -> bytes:
        return self._reader.pending

    def frame(self, deadline: Deadline, *, or_exit: bool = False) -> Frame | None:
        """The next frame; None at the deadline, at the end, and with `or_exit` when the process has ended.
        Raises FrameFault, and goes on raising it."""
        while True:
            if self.fault is not None:
                raise self.fault
            try:
                frame = self._reader.next_frame()
            except FrameFault as fault:
                self.fault = fault
                raise
            if frame is not None or self.at_eof:
                return frame
            if not self._wait(deadline, or_exit) and (or_exit or deadline.passed):
                return None

    def _wait(self, deadline: Deadline, or_exit: bool = False) -> bool:
        """Whether something came."""
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        if or_exit:
            poll.register(self._process.end, select.POLLIN)
        if self._process.stdout not in dict(poll.poll(deadline.left * 1000)):
            return False
        self._read()
        return True

    def _read(self) -> bytes:
        try:
            data = os.read(self._process.stdout, CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            self.at_eof = True
        self.received += len(data)
        self.tail = (self.tail + data)[-TAIL_BYTES:]
        if self.fault is None:
            self._reader.feed(data)
        return data

    def write(self, data: bytes, deadline: Deadline) -> bool:
        """False when the worker no longer reads, or does not read in time."""
        view = memoryview(data)
        while view and self._writing:
            poll = select.poll()
            poll.register(self._process.stdin, select.POLLOUT)
            if not self.at_eof:
                poll.register(self._process.stdout, select.POLLIN)
            events = dict(poll.poll(deadline.left * 1000))
            if not events:
                return False
            if self._process.stdout in events:
                self._read()
            if self._process.stdin in events:
                try:
                    view = view[os.write(self._process.stdin, view) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    self._writing = False
        return not view

    def drained(self) -> None:
        """Waits until the worker has taken what was written, so that pieces stay pieces; not for long."""
        deadline = Deadline(DRAIN_WAIT_S)
        while self._writing and not deadline.passed:
            waiting = struct.unpack("i", fcntl.ioctl(self._process.stdin, termios.FIONREAD, b"\0" * 4))[0]
            if not waiting:
                return
            time.sleep(0.0002)

    def close(self) -> None:
        self._writing = False
        self._process.close_stdin()

    def deafen(self) -> None:
        self.at_eof = True
        self._process.close_stdout()

    def discard(self, deadline: Deadline) -> None:
        """Reads and forgets until the end, so that a worker that talks too much can end; bounded."""
        self.fault = self.fault or FrameFault("bytes after the last message", b"")
        while not self.at_eof and not deadline.passed and self.received < MAX_DISCARDED:
            self._wait(deadline)
