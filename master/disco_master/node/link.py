"""The pipes of one worker, driven by readiness and deadlines around a protocol session.

`wait` gives what happens next: a message, the end of the worker's words, or that some time is over. Nothing
here blocks on the worker. What it does not read piles up to `BACKLOG_BYTES`; from then on nothing more is
taken from it until it reads, so neither a flood nor a deaf worker costs memory. The exit of the process
counts, not the end of the pipe, which a grandchild may keep open.
"""

from __future__ import annotations

import os
import select
import time
from enum import Enum
from typing import Final

from disco.protocol.messages import Message, Reply, Role
from disco.protocol.session import END_OF_INPUT, Session

from .config import Limits
from .process import WorkerProcess

READ_BYTES = 256 * 1024
BACKLOG_BYTES = 64 * 1024
DRAIN_BYTES = 1024 * 1024  # taken after the exit, at most: a grandchild may write for ever
NEVER: Final = float("inf")


class Happening(Enum):
    TIMEOUT = "the deadline has come"
    WOKEN = "the slot was woken"
    ENDED = "the worker will say nothing more"
    STUCK = "a frame was begun and not finished in time"
    DEAF = "replies were not read in time"


class Link:
    """Used by one thread. `wake` is the slot's eventfd, on which other threads call."""

    def __init__(self, process: WorkerProcess, wake: int, limits: Limits) -> None:
        self.session = Session(Role.DISCO)
        self.exited = False
        self._process, self._wake, self._limits = process, wake, limits
        self._backlog = bytearray()
        self._backlog_since = NEVER
        self._frame_since = NEVER
        self._at_end = False  # of the pipe
        self._listening = True  # stderr is in the poll
        self._writing = False  # stdin is in the poll
        self._poll = select.poll()
        for descriptor in (process.stderr, process.pidfd, wake):
            self._poll.register(descriptor, select.POLLIN)

    def send(self, message: Reply) -> None:
        self._write(self.session.send(message))

    def wait(self, deadline: float) -> Message | Happening:
        """The next thing to happen, `Happening.TIMEOUT` at `deadline` (time.monotonic).

        Raises the session's ProtocolError when the worker breaks the protocol.
        """
        while True:
            if self.exited:
                self._drain()
            taking = len(self._backlog) < BACKLOG_BYTES
            if taking:
                event = self.session.next_event()
                if isinstance(event, Message):
                    self._frame_since = NEVER
                    return event
                if event is END_OF_INPUT:
                    return Happening.ENDED
                self._clock_frame()
            happening = self._turn(deadline, reading=taking)
            if happening is not None:
                return happening

    def pause(self, until: float) -> None:
        """Take nothing from the worker until then, or until it exits or the slot is woken."""
        self._frame_since = NEVER
        while not self.exited and self._turn(until, reading=False) is None:
            pass

    def wait_for_exit(self, deadline: float, *, keeping: bool) -> None:
        """Until the worker exits, the time is over, or the slot is woken.

        What it says meanwhile is thrown away, or kept: after a framing fault the session holds it as last
        words.
        """
        self._frame_since = NEVER
        while not self.exited:
            if self._turn(deadline, reading=True, keeping=keeping) is not None:
                break
        if self.exited and keeping:
            self._drain()

    def _turn(self, deadline: float, *, reading: bool, keeping: bool = True) -> Happening | None:
        """One poll, and what it allows. None: look again."""
        late_frame = self._frame_since + self._limits.frame_s
        late_reader = self._backlog_since + self._limits.unread_reply_s
        first = min(deadline, late_frame, late_reader)
        self._listen(reading)
        timeout_ms = None if first == NEVER else max(0.0, (first - time.monotonic()) * 1000)
        ready = [descriptor for descriptor, _ in self._poll.poll(timeout_ms)]
        if not ready and time.monotonic() >= first:
            if first == deadline:
                return Happening.TIMEOUT
            return Happening.STUCK if first == late_frame else Happening.DEAF
        if self._process.stdin in ready:
            self._flush()
        if self._process.pidfd in ready:
            self.exited = True
            self._poll.unregister(self._process.pidfd)
            self._forget_backlog()
        elif self._process.stderr in ready:
            self._read(keeping)
        if self._wake in ready:
            os.eventfd_read(self._wake)
            return Happening.WOKEN
        return None

    def _listen(self, reading: bool) -> None:
        # A pipe that is not read must leave the poll: its hang-up would be reported without end.
        reading = reading and not self._at_end
        if reading != self._listening:
            self._listening = reading
            if reading:
                self._poll.register(self._process.stderr, select.POLLIN)
            else:
                self._poll.unregister(self._process.stderr)

    def _read(self, keeping: bool = True) -> int:
        """How many bytes came; 0 when there are none now, or at the end of the pipe."""
        try:
            data = os.read(self._process.stderr, READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self._at_end = True
        if keeping or not data:
            self.session.receive_data(data)
        return len(data)

    def _drain(self) -> None:
        """Take what the pipe still holds after the exit, and call that the end."""
        left = DRAIN_BYTES
        while not self._at_end and left > 0 and (taken := self._read()):
            left -= taken
        if not self._at_end:
            self._at_end = True
            self.session.receive_data(b"")

    def _clock_frame(self) -> None:
        if not self.session.unfinished:
            self._frame_since = NEVER
        elif self._frame_since == NEVER:
            self._frame_since = time.monotonic()

    def _write(self, data: bytes) -> None:
        if self._process.stdin < 0 or self.exited:
            return
        self._backlog += data
        if not self._writing:
            self._flush()

    def _flush(self) -> None:
        try:
            written = os.write(self._process.stdin, self._backlog)
        except BlockingIOError:
            written = 0
        except OSError:  # it closed its stdin, which is its own affair
            self._forget_backlog()
            self._process.close_stdin()
            return
        del self._backlog[:written]
        if not self._backlog:
            self._forget_backlog()
        elif written or self._backlog_since == NEVER:
            self._backlog_since = time.monotonic()
            self._poll_stdin(True)

    def _forget_backlog(self) -> None:
        self._backlog.clear()
        self._backlog_since = NEVER
        self._poll_stdin(False)

    def _poll_stdin(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            if wanted:
                self._poll.register(self._process.stdin, select.POLLOUT)
            else:
                self._poll.unregister(self._process.stdin)
