"""One phase of a job: the tasks of a mode, and the shuffle that follows them.

The shuffle asks every node that holds outputs of finished tasks (a *holder*) to merge them into one index.
It is complete when every holder has answered with an index of all that it holds now. So an index is void
as soon as the holder gets another output, also one that came while it was merging: this happens when
tasks run again because another holder was lost.

Invariant: done tasks with local outputs on a node = holders[node]; running + done <= number of tasks.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum

from ..model import Counts, Mode, Output, OutputKind
from .inputs import local_outputs, split_outputs
from .scheduling.backups import Stragglers
from .scheduling.placement import Placement
from .scheduling.queue import Queue
from .task import Task, TaskState


class Stage(IntEnum):
    """How far a phase has come, as the event log tells it."""

    NEW = 0
    TASKS = 1
    SHUFFLE = 2
    FINISHED = 3


@dataclass(slots=True)
class Merge:
    """An order to a holder that is not answered yet. Its answer is *void* once there is more to merge."""

    number: int
    is_void: bool = False


class Phase:
    """`attempts` are the attempts that count, by task: one for each that is running, or two."""

    def __init__(self, mode: Mode, count: int, placement: Placement, labels: int = 0) -> None:
        """`labels` is the number of reduce tasks that will read this phase's outputs."""
        self.mode = mode
        self.labels = labels
        self.tasks = [Task(id) for id in range(count)]
        self.placement = placement
        self.waiting = Queue(placement, self.tasks)
        self.stragglers: Stragglers | None = None  # for a job that wants backup attempts
        self.stage = Stage.NEW
        self.is_open = False  # whether its tasks may run
        self.started_s = 0.0
        self.shuffle_started_s = 0.0
        self.done = 0
        self.failed = 0
        self.attempts: dict[int, tuple[int, ...]] = {}
        self.holders: dict[str, int] = {}
        self.held: dict[str, array[int]] = {}  # holder -> bytes of each label below `labels`
        self.indexes: dict[str, str] = {}  # holder -> URL of its index, "" for an empty one
        self.merging: dict[str, Merge] = {}  # by holder
        self.merge_failures: dict[str, int] = {}
        self.merge_pauses: dict[str, None] = {}  # holders that wait before they try again
        self.unreadable: dict[str, int] = {}  # holder -> attempts that could not read what it holds
        self.final: tuple[str, ...] | None = None  # the results, while all is done and merged

    @property
    def running(self) -> int:
        return len(self.attempts)

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

    def open(self, usable: Collection[str]) -> None:
        """Let the tasks run that are not done."""
        self.is_open = True
        for task in self.tasks:
            if task.state is TaskState.WAITING and task.group is None:
                self.waiting.enqueue(task, usable)

    def close(self) -> None:
        """Let no further task start: all are done, or what they read is not complete any more."""
        self.is_open = False
        self.waiting.drain()

    def launched(self, task: Task, node: str, number: int) -> None:
        task.state = TaskState.RUNNING
        task.node = node
        self.attempts[task.id] = (*self.attempts.get(task.id, ()), number)

    def stopped(self, task: Task, number: int) -> None:
        """The attempt counts no more. If it was the only one the task waits, in no queue yet."""
        left = tuple(one for one in self.attempts.pop(task.id) if one != number)
        if left:
            self.attempts[task.id] = left
        else:
            task.state = TaskState.WAITING
        if self.stragglers:
            self.stragglers.ended(task.id)

    def complete(self, task: Task, node: str, outputs: tuple[Output, ...]) -> None:
        """The task's outputs are these. No attempt of it counts any more."""
        task.state = TaskState.DONE
        task.node = node
        task.local, task.tags = split_outputs(outputs)
        self.done += 1
        if task.local:
            self.holders[node] = self.holders.get(node, 0) + 1
            self._weigh(node, outputs)
            self.indexes.pop(node, None)
            if node in self.merging:
                self.merging[node].is_void = True

    def _weigh(self, node: str, outputs: tuple[Output, ...]) -> None:
        held = self.held.get(node)
        if held is None:
            held = self.held[node] = array("q", bytes(8 * self.labels))
        for output in outputs if self.labels else ():
            if output.kind is not OutputKind.TAG and output.label < self.labels:
                held[output.label] += output.size_bytes or 1

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
        del self.holders[node], self.held[node]
        self.indexes.pop(node, None)
        self.merging.pop(node, None)
        self.merge_failures.pop(node, None)
        self.merge_pauses.pop(node, None)
        self.unreadable.pop(node, None)
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
