"""One phase of a job: the tasks of a mode, and the shuffle that follows them.

The shuffle asks every node that holds outputs of finished tasks (a *holder*) to merge them into one index.
It is complete when every holder has answered with an index of all that it holds now. So an index is void
as soon as the holder gets another output, also one that came while it was merging: this happens when
tasks run again because another holder was lost.

Invariant: done tasks with local outputs on a node = holders[node]; running + done <= number of tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from ..model import Counts, Mode, Output
from .inputs import local_outputs, split_outputs
from .placement import Placement, Waiting
from .task import Task, TaskState


class Stage(IntEnum):
    """How far a phase has come, as the event log tells it."""

    NEW = 0
    TASKS = 1
    SHUFFLE = 2
    FINISHED = 3


class Phase:
    def __init__(self, mode: Mode, count: int, placement: Placement) -> None:
        self.mode = mode
        self.tasks = [Task(id) for id in range(count)]
        self.placement = placement
        self.waiting = Waiting(placement.where, may_move=placement.may_move)
        self.stage = Stage.NEW
        self.is_open = False  # whether its tasks may run
        self.started_s = 0.0
        self.shuffle_started_s = 0.0
        self.done = 0
        self.running = 0
        self.failed = 0
        self.holders: dict[str, int] = {}
        self.indexes: dict[str, str] = {}  # holder -> URL of its index, "" for an empty one
        self.merging: dict[str, bool] = {}  # holder at work -> whether its answer is void already
        self.merge_failures: dict[str, int] = {}
        self.merge_pauses: dict[str, None] = {}  # holders that wait before they try again
        self.final: tuple[str, ...] | None = None  # the results, while all is done and merged

    @property
    def all_done(self) -> bool:
        return self.done == len(self.tasks)

    @property
    def is_shuffled(self) -> bool:
        return len(self.indexes) == len(self.holders)

    def counts(self) -> Counts:
        return Counts(len(self.tasks) - self.running - self.done, self.running, self.done, self.failed)

    def finish(self) -> None:
        """All is done and merged: settle the results, index and tag URLs, sorted, each once."""
        urls = [url for url in self.indexes.values() if url]
        urls += [url for task in self.tasks for url in task.tags]
        self.final = tuple(sorted(dict.fromkeys(urls)))

    # -- tasks

    def open(self, usable: list[str]) -> None:
        """Let the tasks run that are not done."""
        self.is_open = True
        for task in self.tasks:
            if task.state is TaskState.WAITING and task.group is None:
                self.enqueue(task, usable)

    def close(self) -> None:
        """Let no further task start: all are done, or what they read is not complete any more."""
        self.is_open = False
        self.waiting.drain()

    def enqueue(self, task: Task, usable: list[str]) -> None:
        self.waiting.add(task, self.placement.shun(task, usable))

    def requeue_all(self, cluster: dict[str, None], usable: list[str]) -> None:
        """The nodes have changed: sort the waiting tasks anew."""
        tasks = self.waiting.drain()
        self.placement.cluster = cluster
        for task in tasks:
            self.enqueue(task, usable)

    def launched(self, task: Task, node: str) -> None:
        task.state = TaskState.RUNNING
        task.node = node
        self.running += 1

    def stopped(self, task: Task) -> None:
        """The attempt that ran counts no more. The task waits for nothing yet: see `enqueue`."""
        task.state = TaskState.WAITING
        self.running -= 1

    def complete(self, task: Task, node: str, outputs: tuple[Output, ...]) -> None:
        """The task's outputs are these. It may stand in a queue only during a replay."""
        task.state = TaskState.DONE
        task.node = node
        task.local, task.tags = split_outputs(outputs)
        self.done += 1
        if task.local:
            self.holders[node] = self.holders.get(node, 0) + 1
            self.indexes.pop(node, None)
            if node in self.merging:
                self.merging[node] = True

    def forget_outputs(self, node: str) -> list[Task]:
        """What the node held is lost: the tasks that made it are to run again."""
        if node not in self.holders:
            return []
        lost = [t for t in self.tasks if t.state is TaskState.DONE and t.node == node and t.local]
        for task in lost:
            task.state = TaskState.WAITING
            task.local, task.tags = (), ()
        self.done -= len(lost)
        self.final = None
        del self.holders[node]
        self.indexes.pop(node, None)
        self.merging.pop(node, None)
        self.merge_failures.pop(node, None)
        self.merge_pauses.pop(node, None)
        return lost

    # -- shuffle

    def to_merge(self) -> list[str]:
        """The holders that should be asked for an index now, sorted."""
        return sorted(
            node
            for node in self.holders
            if node not in self.indexes and node not in self.merging and node not in self.merge_pauses
        )

    def outputs_on(self, nodes: Iterable[str]) -> dict[str, tuple[Output, ...]]:
        """All local outputs on each of the nodes, in the order of the tasks."""
        held: dict[str, list[Output]] = {node: [] for node in nodes}
        for task in self.tasks:
            if task.state is TaskState.DONE and task.local and task.node in held:
                held[task.node].extend(local_outputs(task.local))
        return {node: tuple(outputs) for node, outputs in held.items()}

    def merge_ended(self, node: str, index: str | None) -> None:
        """The holder has answered: with the URL of its index, or None if it could not merge."""
        self.merging.pop(node, None)
        if index is None:
            self.merge_failures[node] = self.merge_failures.get(node, 0) + 1
        else:
            self.indexes[node] = index
