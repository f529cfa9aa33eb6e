"""Nodes on which everything fails.

A bad disk or a broken library makes a node fail whatever it is given, and fast, so that it is free again at
once and gets more: one bad node can use up the tries of a whole job. Such a node is *set aside*: it gets no
tasks for a while, then one chance. It is set aside when the last STREAK attempts there have all failed, they
were of at least TASKS_MIN different tasks, and in the meantime something succeeded on another node; without
the last condition it may well be the job that is broken. And never more than half of the nodes: then the
reason lies elsewhere.

It leaves to the core: closing the node, and waking it up at `until`.
"""

from __future__ import annotations

STREAK = 10
TASKS_MIN = 3
FIRST_PAUSE_S = 60.0
PAUSE_MAX_S = 600.0


class Record:
    """How one node has done of late."""

    __slots__ = ("others_at_start", "pauses", "streak", "tasks")

    def __init__(self) -> None:
        self.streak = 0  # failures since the last success
        self.tasks: dict[tuple[str, str, int], None] = {}  # of which tasks, the first few
        self.others_at_start = 0  # successes elsewhere when the streak began
        self.pauses = 0  # how often it was set aside since its last success


class Health:
    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._successes = 0
        self._of_node: dict[str, int] = {}

    def succeeded(self, node: str) -> None:
        self._successes += 1
        self._of_node[node] = self._of_node.get(node, 0) + 1
        self._records.pop(node, None)

    def failed(self, node: str, task: tuple[str, str, int]) -> None:
        record = self._records.get(node)
        if record is None:
            record = self._records[node] = Record()
            record.others_at_start = self._elsewhere(node)
        record.streak += 1
        if len(record.tasks) < TASKS_MIN:
            record.tasks[task] = None

    def is_bad(self, node: str) -> bool:
        """Whether the node's latest failure is one too many."""
        record = self._records.get(node)
        return (
            record is not None
            and record.streak >= STREAK
            and len(record.tasks) >= TASKS_MIN
            and self._elsewhere(node) > record.others_at_start
        )

    def pause_s(self, node: str) -> float:
        """For how long to set the node aside, longer each time. Afterwards one more failure is too many."""
        record = self._records[node]
        record.pauses += 1
        record.streak = STREAK - 1
        return float(min(FIRST_PAUSE_S * 2 ** (record.pauses - 1), PAUSE_MAX_S))

    def forget(self, node: str) -> None:
        """The node has been started anew: it gets a fresh start here too."""
        self._records.pop(node, None)

    def _elsewhere(self, node: str) -> int:
        return self._successes - self._of_node.get(node, 0)
