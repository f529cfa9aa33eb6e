"""The node behind its connections: what runs goes on while the master is away, and is told when it is back.

    AWAY     no connection: news is dropped, but the ends of attempts that are done are kept
    JOINING  the hello is on its way, with all that is here: everything is lined up
    JOINED   everything is sent at once

Ends that are done stay kept until their job is over, because a connection that breaks does not say what the
master has still got. It tells by `kill` what it has no use for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

from ...model import AttemptEnd, FoundAttempt, Outcome, TaskSpec
from ...node.config import NodeConfig
from ...node.node import Node
from . import wire

KEPT_ENDS = 10_000

Send = Callable[[bytes], None]


class State(Enum):
    AWAY = "away"
    JOINING = "joining"
    JOINED = "joined"


class Resident:
    """The node's `AttemptEvents`. Any thread may call; `send` given to `join` must return at once."""

    def __init__(self, config: NodeConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._node: Node | None = None
        self._state = State.AWAY
        self._send: Send = _nowhere
        self._line: list[bytes] = []
        self._kept: dict[int, tuple[TaskSpec, AttemptEnd]] = {}

    @property
    def node(self) -> Node:
        """The node, started if it is not there. Raises OSError when its directories can't be used."""
        with self._making:
            if self._node is None:
                node = Node(self._config, self)
                node.start()
                self._node = node
            return self._node

    def join(self, send: Send) -> tuple[FoundAttempt, ...]:
        """A connection begins: the attempts that are here, for the hello."""
        running = self.node.attempts()
        with self._lock:
            self._state, self._send = State.JOINING, send
            found = {spec.attempt: spec for spec, _ in self._kept.values()}
            # One that has ended since then is kept, or is no longer of use: the line tells.
            found.update((spec.attempt, spec) for spec in running)
            self._line = [_ended(spec, end) for spec, end in self._kept.values()]
        return tuple(FoundAttempt(s.attempt, s.job, s.mode, s.task) for s in found.values())

    def joined(self) -> None:
        """The master knows of all that is here."""
        with self._lock:
            self._state = State.JOINED
            line, self._line = self._line, []
            for message in line:
                self._send(message)

    def part(self) -> None:
        """The connection is over; the node goes on."""
        with self._lock:
            self._state, self._line, self._send = State.AWAY, [], _nowhere

    def stop(self, grace_s: float, why: str) -> None:
        """End the node and all that it runs. The next connection has a new one."""
        with self._making:
            node, self._node = self._node, None
        if node is not None:
            node.stop(grace_s, Outcome.NODE_LOST, why)
        with self._lock:
            self._kept.clear()

    def kill(self, attempt: int, reason: str) -> None:
        with self._lock:
            self._kept.pop(attempt, None)
        self.node.kill(attempt, reason)

    def end_job(self, job: str) -> None:
        self.node.release_job(job)
        with self._lock:
            for attempt in [number for number, (spec, _) in self._kept.items() if spec.job == job]:
                del self._kept[attempt]

    # -- what the node's slots say

    def attempt_started(self, attempt: int, pid: int) -> None:
        self._tell(wire.dump("started", attempt=attempt, pid=pid))

    def attempt_message(self, attempt: int, seq: int, text: str) -> None:
        self._tell(wire.dump("said", attempt=attempt, seq=seq, text=text))

    def attempt_ended(self, node: str, spec: TaskSpec, end: AttemptEnd) -> None:
        with self._lock:
            if end.outcome is Outcome.DONE:
                self._kept[spec.attempt] = (spec, end)
                if len(self._kept) > KEPT_ENDS:
                    del self._kept[next(iter(self._kept))]
            self._pass_on(_ended(spec, end))

    def _tell(self, message: bytes) -> None:
        with self._lock:
            self._pass_on(message)

    def _pass_on(self, message: bytes) -> None:
        if self._state is State.JOINED:
            self._send(message)
        elif self._state is State.JOINING:
            self._line.append(message)


def _ended(spec: TaskSpec, end: AttemptEnd) -> bytes:
    return wire.dump("ended", attempt=spec.attempt, end=wire.plain(end))


def _nowhere(_message: bytes) -> None:
    return
