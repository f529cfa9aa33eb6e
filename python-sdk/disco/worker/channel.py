"""The worker's line to Disco: one request, then its reply, over two pipes.

Blocking, and safe to use from several threads of a task (each print is a request). Nothing is read beyond
the reply that is awaited: what follows it may be for the process that this one was forked from.
"""

from __future__ import annotations

import os
import select
from _thread import RLock
from typing import Any

from ..protocol.errors import FrameError, MessageError
from ..protocol.messages import Error, Fatal, Message, Msg, Role
from ..protocol.session import END_OF_INPUT as END
from ..protocol.session import NEED_DATA, Session

REPLY_TIMEOUT_S = 600.0
READ_BYTES = 64 * 1024


class Disconnected(Exception):
    """Disco closed the pipes, or has not answered in time: nobody is left to tell."""


class Channel:
    """`requests` and `replies` are file descriptors of the two pipes."""

    def __init__(self, requests: int, replies: int, reply_timeout_s: float = REPLY_TIMEOUT_S) -> None:
        self._requests = requests
        self._replies = replies
        self._timeout_s = reply_timeout_s
        self._session = Session(Role.WORKER)
        self._lock = RLock()

    def ask(self, message: Message) -> Any:
        """Send a request and return its reply.

        Raises Disconnected; or FrameError or MessageError, after Disco has been told that it sent one.
        """
        with self._lock:
            self._write(self._session.send(message))
            try:
                return self._reply()
            except FrameError as error:
                self._complain(Error(str(error)))
                raise
            except MessageError as error:
                self._complain(Fatal(str(error)))
                raise

    def say(self, text: str) -> None:
        """Send a line for the pages and the log."""
        self.ask(Msg(text.encode("utf-8", "backslashreplace").decode()))

    def _complain(self, message: Message) -> None:
        self._write(self._session.send(message))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._requests, view) :]
        except BrokenPipeError as error:
            raise Disconnected("Disco closed the pipe") from error

    def _reply(self) -> Message:
        while True:
            event = self._session.next_event()
            if event is END:
                raise Disconnected("Disco closed the pipe")
            if event is not NEED_DATA:
                assert isinstance(event, Message)
                return event
            poll = select.poll()
            poll.register(self._replies, select.POLLIN)
            if not poll.poll(self._timeout_s * 1000):
                raise Disconnected(f"Disco has not answered for {self._timeout_s:.0f} seconds")
            self._session.receive_data(os.read(self._replies, min(self._session.missing, READ_BYTES)))
