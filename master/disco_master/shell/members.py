"""Which nodes are up: turns the engine's calls into events, and remembers generations and free space."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..ddfs.placement import StorageNode
from ..events import AttemptEnded, AttemptMessage, AttemptStarted, Event, NodeDown, NodeStats, NodeUp
from ..model import AttemptEnd, FoundAttempt, MasterView, TaskSpec


@dataclass(slots=True)
class Member:
    generation: int
    free_bytes: int = 0


class Members:
    """Implements `engine.base.EngineEvents`. `put` takes events to the core; `view` gives the newest view.

    `joined` is told the name and the slots of each node that comes up.
    """

    def __init__(
        self,
        put: Callable[[Event], None],
        view: Callable[[], MasterView],
        joined: Callable[[str, int], None] = lambda _node, _slots: None,
    ) -> None:
        self._put, self._view, self._joined = put, view, joined
        self._lock = threading.Lock()
        self._up: dict[str, Member] = {}

    def generations(self) -> dict[str, int]:
        with self._lock:
            return {name: member.generation for name, member in self._up.items()}

    def storage_nodes(self) -> list[StorageNode]:
        """Every configured node, as DDFS sees it."""
        view = self._view()
        closed = {*view.blacklist, *view.gc_blacklist}
        with self._lock:
            names = [*view.nodes, *(name for name in self._up if name not in view.nodes)]
            return [self._storage_node(name, closed) for name in names]

    def _storage_node(self, name: str, closed: set[str]) -> StorageNode:
        member = self._up.get(name)
        if member is None:
            return StorageNode(name, 0, 0, usable=False)
        return StorageNode(name, member.generation, member.free_bytes, usable=name not in closed)

    def node_up(
        self, node: str, generation: int, slots: int, attempts: tuple[FoundAttempt, ...] = ()
    ) -> None:
        with self._lock:
            self._up[node] = Member(generation)
        self._put(NodeUp(node, generation, slots, attempts))
        self._joined(node, slots)

    def node_stats(self, node: str, generation: int, disk_free_bytes: int, disk_used_bytes: int) -> None:
        with self._lock:
            member = self._up.get(node)
            if member is not None and member.generation == generation:
                member.free_bytes = disk_free_bytes
        self._put(NodeStats(node, generation, disk_free_bytes, disk_used_bytes))

    def node_down(self, node: str, generation: int, why: str) -> None:
        with self._lock:
            member = self._up.get(node)
            if member is not None and member.generation == generation:
                del self._up[node]
        self._put(NodeDown(node, generation, why))

    def attempt_started(self, attempt: int, pid: int) -> None:
        self._put(AttemptStarted(attempt, pid))

    def attempt_message(self, attempt: int, seq: int, text: str) -> None:
        self._put(AttemptMessage(attempt, seq, text))

    def attempt_ended(self, node: str, spec: TaskSpec, end: AttemptEnd) -> None:
        self._put(AttemptEnded(spec.attempt, spec.job, spec.mode, spec.task, node, end))
