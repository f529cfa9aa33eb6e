"""The order of messages: what each end may say next, for both ends, as one table.

A conversation is pulled by the worker: it asks, Disco answers each request once, in order. So a session has
two states, and each end keeps both:

- the *worker's* state says what it may ask next: WORKER first and once, TASK before anything about inputs and
  outputs, nothing after DONE, ERROR or FATAL. It moves when a request is sent (at the worker's end) or
  received (at Disco's end), so a worker may pipeline;
- *Disco's* state is the list of requests it owes an answer to; the oldest says which replies are legal.
  A reply moves the worker's state in one case alone: TASK as the answer to DONE, which a worker that
  announced reuse takes as its next task.

`TABLES` holds one table a version: role -> state -> message -> next state (None: it stays). A message that is
not there is out of order: from the other end a `MessageError` (fatal), from our own end an `OutOfTurn`.

Invariant: both ends, having seen the same bytes, agree on the worker's state and on what is owed. The first
error in what was received is final: `next_event` raises it again for ever. Sending goes by the same table
afterwards, so that a worker can still say FATAL or ERROR about what it got.

What requests mean, times and limits on rates are left to the owner, who asks `unfinished` and `owed`.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, StrEnum
from typing import Final, Literal

from disco.protocol.errors import MessageError, OutOfTurn, ProtocolError
from disco.protocol.frames import FrameReader
from disco.protocol.messages import VERSION, Message, Reply, Request, Role, Worker
from disco.protocol.parse import parse


class State(StrEnum):
    """What the worker has said so far; at the end, how its task ended."""

    FRESH = "fresh"
    ANNOUNCED = "announced"
    RUNNING = "running"
    DONE = "done"
    ERRORED = "errored"
    FATAL = "fatal"


class Signal(Enum):
    """What `next_event` gives when it has no message."""

    NEED_DATA = "need data"
    END_OF_INPUT = "end of input"


NEED_DATA: Final = Signal.NEED_DATA
END_OF_INPUT: Final = Signal.END_OF_INPUT

Event = Message | Literal[Signal.NEED_DATA, Signal.END_OF_INPUT]
Moves = dict[str, dict[str, State | None]]

TABLES: Final[dict[str, dict[Role, Moves]]] = {
    "1.0": {
        Role.WORKER: {
            State.FRESH: {"WORKER": State.ANNOUNCED},
            State.ANNOUNCED: {
                "TASK": State.RUNNING,
                "MSG": None,
                "PING": None,
                "ERROR": State.ERRORED,
                "FATAL": State.FATAL,
            },
            State.RUNNING: {
                "TASK": None,
                "INPUT": None,
                "INPUT_ERR": None,
                "OUTPUT": None,
                "MSG": None,
                "PING": None,
                "DONE": State.DONE,
                "ERROR": State.ERRORED,
                "FATAL": State.FATAL,
            },
            State.DONE: {},
            State.ERRORED: {},
            State.FATAL: {},
        },
        # The states of Disco are the requests it may owe an answer to.
        Role.DISCO: {
            "WORKER": {"OK": None},
            "TASK": {"TASK": None},
            "INPUT": {"INPUT": None},
            "INPUT_ERR": {"RETRY": None, "WAIT": None, "FAIL": None},
            "MSG": {"OK": None},
            "OUTPUT": {"OK": None},
            "PING": {"OK": None},
            "DONE": {"OK": None, "TASK": State.RUNNING},  # TASK: only with reuse
            "ERROR": {"OK": None},
            "FATAL": {"OK": None},
        },
    },
}


class Session:
    """One end of a conversation; `role` says which. It never reads, writes or waits.

    Give it what was read (`receive_data`, b"" for the end of input) and take messages out (`next_event`);
    `send` checks a message against the table and gives the bytes to write.
    """

    def __init__(self, role: Role, version: str = VERSION) -> None:
        self.role = role
        self.state = State.FRESH
        self.reuse = False  # the worker announced it
        self._table = TABLES[version]
        self._reader = FrameReader()
        self._owed: deque[str] = deque()
        self._at_end = False
        self._failure: ProtocolError | None = None

    @property
    def owed(self) -> int:
        """How many requests have no answer yet."""
        return len(self._owed)

    @property
    def ended(self) -> bool:
        """The worker said its last word and was answered; `state` tells which word."""
        return not self._owed and not self._table[Role.WORKER][self.state]

    @property
    def unfinished(self) -> bool:
        """A frame has begun and not ended. Ask after `next_event` gave NEED_DATA."""
        return self._reader.unfinished

    @property
    def missing(self) -> int:
        """At least so many bytes are missing from the next message. Ask after `next_event` gave NEED_DATA."""
        return self._reader.missing

    @property
    def last_words(self) -> bytes:
        """What came instead of a frame, after a `FrameError`; `receive_data` adds to it, up to a limit."""
        return self._reader.last_words

    def send(self, message: Message) -> bytes:
        """The bytes of `message`. Raises `OutOfTurn` when it cannot be said now, and then changes nothing."""
        reason = self._why_not(self.role, message)
        if reason is not None:
            raise OutOfTurn(f"Cannot send {message.name}: {reason}")
        data = message.to_frame()
        self._move(self.role, message)
        return data

    def receive_data(self, data: bytes) -> None:
        """Take in bytes read from the other end; b"" says that no more will come."""
        if data:
            self._reader.feed(data)
        else:
            self._at_end = True

    def next_event(self) -> Event:
        """The next message of the other end, or NEED_DATA, or END_OF_INPUT (between frames).

        Raises `FrameError`, `MessageError` or `VersionMismatch`: the session is then over for this end.
        """
        if self._failure is not None:
            raise self._failure
        try:
            return self._next_event()
        except ProtocolError as error:
            self._failure = error
            raise

    def _next_event(self) -> Event:
        frame = self._reader.next_frame()
        if frame is None:
            if not self._at_end:
                return NEED_DATA
            self._reader.end_of_input()
            return END_OF_INPUT
        sender = Role.DISCO if self.role is Role.WORKER else Role.WORKER
        try:
            message = parse(frame, sender)
        except MessageError:
            if frame.name == "TASK" and sender is Role.DISCO and self.state is State.DONE and self.reuse:
                self.state = State.RUNNING  # it has begun a task, though a bad one: FATAL can be said of it
            raise
        reason = self._why_not(sender, message)
        if reason is not None:
            raise MessageError(message.name, f"out of order: {reason}")
        self._move(sender, message)
        return message

    def _why_not(self, sender: Role, message: Message) -> str | None:
        """Why `sender` cannot say `message` now; None when it can."""
        name = message.name
        if sender is Role.WORKER:
            legal = self._table[Role.WORKER][self.state]
            if name in legal and isinstance(message, Request):
                return None
            return f"the worker is {self.state}, and may say {', '.join(legal) or 'nothing more'}"
        if not self._owed:
            return "no request is waiting for an answer"
        asked = self._owed[0]
        legal = self._table[Role.DISCO][asked]
        if name in legal and isinstance(message, Reply):
            if asked == "DONE" and name == "TASK" and not self.reuse:
                return "the worker did not announce reuse, so the answer to DONE is OK"
            return None
        return f"the answer to {asked} is {' or '.join(legal)}"

    def _move(self, sender: Role, message: Message) -> None:
        if sender is Role.WORKER:
            target = self._table[Role.WORKER][self.state][message.name]
            self._owed.append(message.name)
            if isinstance(message, Worker):
                self.reuse = message.reuse
        else:
            target = self._table[Role.DISCO][self._owed.popleft()][message.name]
        if target is not None:
            self.state = target
