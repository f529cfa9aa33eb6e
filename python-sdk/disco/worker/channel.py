"""The worker's line to Disco: one request, then its reply, over two pipes.

Blocking, and safe to use from several threads of a task (each print is a request). Nothing is read beyond
the reply that is awaited: what follows it may be for the process that this one was forked from. A process
that a task forks has no part in the conversation: what it prints goes where its file descriptors lead.
"""

from __future__ import annotations

import os
import select
import threading
import time
from _thread import RLock
from contextlib import AbstractContextManager
from typing import Any

from ..protocol.errors import FrameError, MessageError
from ..protocol.messages import Error, Fatal, Message, Msg, Ping, Role
from ..protocol.session import END_OF_INPUT as END
from ..protocol.session import NEED_DATA, Session

REPLY_TIMEOUT_S = 600.0
READ_BYTES = 64 * 1024
PING_INTERVAL_S = 60.0  # a task that asks nothing for so long says that it is alive
STANDARD_ERROR = 2


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
        self.is_ours = True  # not in a process that the task has forked
        self.asked_s = time.monotonic()  # when the last request was made

    def ask(self, message: Message) -> Any:
        """Send a request and return its reply.

        Raises Disconnected; or FrameError or MessageError, after Disco has been told that it sent one;
        RuntimeError in a process that the task has forked.
        """
        with self._lock:
            if not self.is_ours:
                raise RuntimeError(
                    "a process that a task forks can't talk to Disco: only the task itself can"
                )
            self.asked_s = time.monotonic()
            self._write(self._session.send(message))
            try:
                reply = self._reply()
                while self._session.owed:  # to requests that a signal's exception has cut short
                    reply = self._reply()
                return reply
            except FrameError as error:
                self._complain(Error(str(error)))
                raise
            except MessageError as error:
                self._complain(Fatal(str(error)))
                raise

    def say(self, text: str) -> None:
        """Send a line for the pages and the log."""
        if not self.is_ours:
            os.write(STANDARD_ERROR, text.encode("utf-8", "backslashreplace") + b"\n")
            return
        self.ask(Msg(text.encode("utf-8", "backslashreplace").decode()))

    def quiet(self) -> AbstractContextManager[Any]:
        """While it is held, no other thread makes a request."""
        return self._lock

    def stay_out_of_forks(self) -> None:
        """From now on, processes forked from this one have no part in the conversation.

        A fork waits for a request that another thread has on its way, so none is ever cut in two.
        """
        os.register_at_fork(
            before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._leave
        )

    def _leave(self) -> None:
        self.is_ours = False
        self._lock.release()

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


class Heartbeat:
    """Sends a PING whenever the task has asked nothing for `interval_s`, until it is stopped."""

    def __init__(self, channel: Channel, interval_s: float | None = None) -> None:
        self._channel = channel
        self._interval_s = PING_INTERVAL_S if interval_s is None else interval_s
        self._stopped = threading.Event()
        threading.Thread(target=self._beat, name="disco-heartbeat", daemon=True).start()

    def stop(self) -> None:
        """Returns when no PING is on its way any more."""
        self._stopped.set()
        with self._channel.quiet():
            pass

    def _beat(self) -> None:
        wait_s = self._interval_s
        while not self._stopped.wait(wait_s):
            with self._channel.quiet():
                silent_s = time.monotonic() - self._channel.asked_s
                if silent_s >= self._interval_s and not self._stopped.is_set():
                    try:
                        self._channel.ask(Ping())
                    except Exception:  # the task will meet it too, and tell
                        return
                    silent_s = 0.0
            wait_s = self._interval_s - silent_s
