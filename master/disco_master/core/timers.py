"""What is to happen later, if it still matters by then."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from ..model import Mode


class TaskPause(NamedTuple):
    """A task may be tried again."""

    job: str
    mode: Mode
    task: int


class MergePause(NamedTuple):
    """A node may be asked again to merge."""

    job: str
    mode: Mode
    node: str


class NodeGrace(NamedTuple):
    """A node that holds outputs has been away for long."""

    node: str


class NodePause(NamedTuple):
    """A node that was set aside may be tried again."""

    node: str


class Overdue(NamedTuple):
    """An attempt has had all the time that its job gives to one."""

    attempt: int


class Look(NamedTuple):
    """A job may have a straggler now."""

    job: str


class Rejoined(NamedTuple):
    """Nodes have had their time to come back after a restart of the master."""


Due = TaskPause | MergePause | NodeGrace | NodePause | Overdue | Look | Rejoined


class Timers:
    """What is to happen when. Whoever is called checks whether it still matters."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Due]] = []
        self._count = 0

    def add(self, when: float, due: Due) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, due))

    def next(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> Due | None:
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None

    def pauses(self) -> dict[tuple[str, Mode, int], float]:
        """Until when tasks are kept from being tried again."""
        return {
            (due.job, due.mode, due.task): when for when, _, due in self._heap if isinstance(due, TaskPause)
        }
