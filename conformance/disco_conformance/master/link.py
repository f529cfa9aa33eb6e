"""Where the relays of a case call in. Each attempt of the job is one connection."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from typing import Any

from disco_conformance.play.channel import Deadline
from disco_conformance.wire.frames import Frame, FrameFault, FrameReader

CHUNK = 1 << 18
GREET_S = 30.0


class Attempt:
    """One run of the worker, as the player's end of its pipes. `at_eof`: Disco has closed the worker's
    input."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire, self._buffer, self._reader = wire, bytearray(), FrameReader()
        self.at_eof = self.gone = self.deaf = False
        self.hello: dict[str, Any] = {}
        self.fault: FrameFault | None = None

    def greet(self, deadline: Deadline) -> bool:
        while not self.hello and not self.gone and not deadline.passed:
            self._pump(deadline)
        return bool(self.hello)

    def frame(self, deadline: Deadline) -> Frame | None:
        """The next frame of Disco; None at the deadline and at the end."""
        while True:
            frame = self._reader.next_frame()
            if frame is not None or self.at_eof or self.gone:
                return frame
            if not self._pump(deadline) and deadline.passed:
                return None

    def ended(self, deadline: Deadline) -> bool:
        """Whether the relay is gone: it exited, or Disco killed it."""
        while not self.gone and not deadline.passed:
            self._pump(deadline)
        return self.gone

    def order(self, kind: str, data: bytes = b"") -> None:
        try:
            self._wire.sendall(b"%s %d\n" % (kind.encode(), len(data)) + data)
        except OSError:
            self.gone = True

    def hang_up(self) -> None:
        """Whoever waits for this attempt sees its end."""
        with contextlib.suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._wire.close()

    def _pump(self, deadline: Deadline) -> bool:
        poll = select.poll()
        poll.register(self._wire, select.POLLIN)
        if not poll.poll(deadline.left * 1000):
            return False
        try:
            data = self._wire.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self.gone = True
            return False
        self._buffer += data
        while self._block():
            continue
        return True

    def _block(self) -> bool:
        head, newline, _ = bytes(self._buffer[:64]).partition(b"\n")
        if not newline:
            return False
        kind, length = head.split()
        start, end = len(head) + 1, len(head) + 1 + int(length)
        if len(self._buffer) < end:
            return False
        data = bytes(self._buffer[start:end])
        del self._buffer[:end]
        self._take(kind.decode(), data)
        return True

    def _take(self, kind: str, data: bytes) -> None:
        if kind == "hello":
            self.hello = json.loads(data)
        elif kind == "in":
            self._reader.feed(data)
        elif kind == "eof":
            self.at_eof = True
        elif kind == "deaf":
            self.deaf = True


class Switchboard:
    """Listens for relays. Those without the key of this case are turned away."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.attempts: list[Attempt] = []
        self.children: list[Attempt] = []

    def next_attempt(self, deadline: Deadline, other: int = -1) -> Attempt | None:
        """Also returns when `other`, a descriptor, has become readable."""
        poll = select.poll()
        for descriptor in {self._server.fileno(), other} - {-1}:
            poll.register(descriptor, select.POLLIN)
        ready = dict(poll.poll(deadline.left * 1000))
        if self._server.fileno() not in ready:
            return None
        wire, _ = self._server.accept()
        attempt = Attempt(wire)
        if not attempt.greet(Deadline(GREET_S)) or attempt.hello.get("key") != self._key:
            attempt.close()
        elif attempt.hello.get("child"):
            self.children.append(attempt)
        else:
            self.attempts.append(attempt)
            return attempt
        return None

    def hang_up(self) -> None:
        for attempt in (*self.attempts, *self.children):
            attempt.hang_up()

    def close(self) -> None:
        self._server.close()
        for attempt in (*self.attempts, *self.children):
            attempt.close()
