"""Where attempts run. Two engines keep these promises, and one test suite checks both:

- exactly one `attempt_ended` for each `launch`, whatever happens;
- an attempt's messages come in order, and all of them before its end;
- after `node_down`, every attempt of that generation has ended NODE_LOST;
- a launch on a stale generation ends NODE_LOST;
- `kill` ends the attempt within a second and leaves no process of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..model import AttemptEnd, FoundAttempt, TaskSpec


class EngineEvents(Protocol):
    """What an engine calls back, from threads of its own. Each call returns at once and never raises."""

    def node_up(
        self, node: str, generation: int, slots: int, attempts: tuple[FoundAttempt, ...] = ()
    ) -> None:
        """`attempts` are those that the node kept while the master was away: each is then to be killed, or
        ends as if it had been launched."""

    def node_stats(self, node: str, generation: int, disk_free_bytes: int, disk_used_bytes: int) -> None: ...
    def node_down(self, node: str, generation: int, why: str) -> None: ...
    def attempt_started(self, attempt: int, pid: int) -> None: ...
    def attempt_message(self, attempt: int, seq: int, text: str) -> None: ...
    def attempt_ended(self, node: str, spec: TaskSpec, end: AttemptEnd) -> None: ...


class Engine(Protocol):
    """Carries out what the master decided. No method but `call` and `stop` may block."""

    def start(self, events: EngineEvents) -> None: ...
    def stop(self, grace_s: float) -> None:
        """End every attempt and every process, within `grace_s` seconds and a little."""

    def launch(self, node: str, generation: int, spec: TaskSpec) -> None: ...
    def kill(self, attempt: int, reason: str) -> None: ...
    def widen(self, node: str, slots: int) -> None:
        """The node table gives the node so many slots: have at least as many, now and after a restart."""

    def end_job(self, job: str) -> None:
        """No more launches of this job will come: let go of what was kept warm for it."""

    def call(self, node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        """Run a node operation (`node/operations.py`) and return its answer.

        Raises NodeError (see below) when the node is gone, is slow, or refuses.
        """


class NodeError(Exception):
    """A node could not carry out an operation. `node` and `op` say which."""

    def __init__(self, node: str, op: str, reason: str) -> None:
        self.node, self.op, self.reason = node, op, reason
        super().__init__(f"node {node}, {op}: {reason}")
