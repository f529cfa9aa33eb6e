"""The waiting tasks of one phase, each kept where its placement says, as nodes come and go.

Whatever changes the nodes near a task, or those that it shuns, takes it out of the queue first and puts
it back after, so that it is always found again by the same answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..task import Task
from .placement import Placement
from .waiting import Waiting


class Queue(Waiting):
    """`usable` are always the nodes that may run tasks now."""

    def __init__(self, placement: Placement, tasks: Sequence[Task]) -> None:
        super().__init__(placement.where, may_move=placement.may_move)
        self._placement = placement
        self._tasks = tasks

    def enqueue(self, task: Task, usable: Collection[str]) -> None:
        self.add(task, self._placement.shun(task, usable))

    def sort_anew(self, cluster: dict[str, None], usable: Collection[str]) -> None:
        """Nodes may have left the cluster: find all waiting tasks a new place."""
        tasks = self.drain()
        self._placement.cluster = cluster
        for task in tasks:
            self.enqueue(task, usable)

    def join(self, node: str, usable: Collection[str]) -> None:
        """A node belongs to the cluster from now on: the tasks next to it move to its queue."""
        if node in self._placement.cluster:
            return
        near = [self._tasks[id] for id in self._placement.near(node, len(self._tasks))]
        moved = [task for task in near if task.group is not None]
        for task in moved:
            self.discard(task)
        self._placement.cluster[node] = None
        for task in moved:
            self.enqueue(task, usable)

    def unstick(self, usable: Collection[str]) -> None:
        """Let tasks go back to where they failed if they have no other place any more."""
        if not usable:
            return
        for group in list(self.groups.values()):
            may_go = self._placement.may_move and any(node not in group.shun for node in usable)
            if group.shun and not may_go:
                for task in group.tasks():
                    self.discard(task)
                    self.enqueue(task, usable)
