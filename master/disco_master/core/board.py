"""The master's state, and the orders that come out of a change to it.

During a replay (`live` is false) there are no nodes and no attempts, and nobody takes orders: they are
dropped here, in one place, so that the rest of the core need not know.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from ..actions import Action, Kill, Log, Record
from ..events import Event
from ..model import Mode
from .job import Job
from .nodes import Node, Nodes
from .phase import Phase
from .scheduler import Kind, Scheduler
from .task import Task
from .texts import EPOCH_BITS

MASTER = "master"  # as the event log names it


@dataclass(slots=True)
class Attempt:
    """An attempt that holds a slot. It is *doomed* once its outcome no longer matters."""

    number: int
    job: Job
    phase: Phase
    task: Task
    node: Node
    started_s: float
    doomed: bool = False


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


Due = TaskPause | MergePause | NodeGrace


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


class Board:
    """Jobs, nodes, attempts, timers; the time of the event at hand; the orders given for it so far."""

    def __init__(self, seed: int, kind: Kind, max_failure_rate: int) -> None:
        self.rng = Random(seed)
        self.scheduler = Scheduler(kind)
        self.nodes = Nodes()
        self.jobs: dict[str, Job] = {}
        self.attempts: dict[int, Attempt] = {}
        self.timers = Timers()
        self.max_failure_rate = max_failure_rate
        self.epoch = 0
        self.now = 0.0
        self.live = True
        self.touched: dict[str, Job] = {}  # jobs whose view or place in the schedule may have changed
        self.nodes_touched = True
        self._records: list[Action] = []
        self._orders: list[Action] = []
        self._attempt_count = 0
        self._job_count = 0

    # -- orders

    def record(self, event: Event) -> None:
        if self.live:
            self._records.append(Record(event, self.now))

    def order(self, action: Action) -> None:
        if self.live:
            self._orders.append(action)

    def log(self, job: Job, text: str, host: str = MASTER) -> None:
        self.order(Log(job.name, host, text))

    def take_orders(self) -> list[Action]:
        """Records first: the shell commits them before it does anything else."""
        orders = self._records + self._orders
        self._records, self._orders = [], []
        return orders

    # -- jobs

    def touch(self, job: Job) -> None:
        job.changed()
        self.touched[job.name] = job

    def next_job_number(self) -> int:
        self._job_count += 1
        return self._job_count

    def active_jobs(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.is_active]

    # -- nodes

    def cluster(self) -> dict[str, None]:
        return dict.fromkeys(self.nodes.could_run())

    def usable(self) -> list[str]:
        return [node.name for node in self.nodes.usable()]

    # -- attempts

    def start_attempt(self, job: Job, phase: Phase, task: Task, node: Node) -> Attempt:
        self._attempt_count += 1
        number = self.epoch << EPOCH_BITS | self._attempt_count
        attempt = Attempt(number, job, phase, task, node, self.now)
        self.attempts[number] = attempt
        node.running[number] = job.name
        job.running[number] = node.name
        job.in_flight += 1
        phase.launched(task, node.name)
        self.touch(job)
        self.nodes_touched = True
        return attempt

    def release(self, attempt: Attempt) -> None:
        """The attempt has ended: its slot is free, and unless it was doomed its task waits."""
        del self.attempts[attempt.number]
        attempt.node.running.pop(attempt.number, None)
        attempt.job.in_flight -= 1
        if not attempt.doomed:
            self._disown(attempt)
        self.touch(attempt.job)
        self.nodes_touched = True

    def doom(self, attempt: Attempt, reason: str) -> None:
        """End the attempt. It keeps its slot until it has ended, but is nobody's any more."""
        if not attempt.doomed:
            self._disown(attempt)
            attempt.doomed = True
            self.order(Kill(attempt.number, attempt.node.name, reason))
            self.touch(attempt.job)

    def doom_all(self, job: Job, reason: str) -> None:
        for number in list(job.running):
            self.doom(self.attempts[number], reason)

    @staticmethod
    def _disown(attempt: Attempt) -> None:
        del attempt.job.running[attempt.number]
        attempt.phase.stopped(attempt.task)
