"""The master's state, and the orders that come out of a change to it.

During a replay (`live` is false) there are no nodes and no attempts, and nobody takes orders: they are
dropped here, in one place, so that the rest of the core need not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random

from ..actions import Action, Kill, Log, Record
from ..events import Event
from .failure.health import Health
from .failure.policy import Losses
from .job import Job
from .nodes import Node, Nodes
from .phase import Phase
from .scheduling.scheduler import Kind, Scheduler
from .task import Task
from .texts import EPOCH_BITS
from .timers import Timers

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


class Board:
    """Jobs, nodes, attempts, timers; the time of the event at hand; the orders given for it so far."""

    def __init__(self, seed: int, kind: Kind, max_failure_rate: int) -> None:
        self.rng = Random(seed)
        self.scheduler = Scheduler(kind)
        self.nodes = Nodes()
        self.health = Health()
        self.losses = Losses()
        self.jobs: dict[str, Job] = {}
        self.active: dict[str, Job] = {}  # those of the jobs that are not over
        self.attempts: dict[int, Attempt] = {}
        self.timers = Timers()
        self.max_failure_rate = max_failure_rate
        self.epoch = 0
        self.now = 0.0
        self.live = True
        self.awaited: dict[str, None] = {}  # nodes that may come back with attempts after a restart
        self.wants_backups: dict[str, Job] = {}  # active jobs that ask for backup attempts
        self.touched: dict[str, Job] = {}  # jobs whose view or place in the schedule may have changed
        self.is_touched = True  # something else of the view has changed: a setting, the table
        self._records: list[Action] = []
        self._orders: list[Action] = []
        self._attempt_count = 0
        self.job_numbers = count(1)
        self.merge_numbers = count(1)

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

    def add_job(self, job: Job) -> None:
        self.jobs[job.name] = job
        if job.is_active:
            self.active[job.name] = job
            if job.spec.scheduler.backup_tasks:
                self.wants_backups[job.name] = job
        self.touch(job)

    def job_is_over(self, job: Job) -> None:
        self.active.pop(job.name, None)
        self.wants_backups.pop(job.name, None)
        self.touch(job)

    def active_jobs(self) -> list[Job]:
        return list(self.active.values())

    # -- nodes

    def cluster(self) -> dict[str, None]:
        return dict.fromkeys(self.nodes.could_run())

    # -- attempts

    def start_attempt(self, job: Job, phase: Phase, task: Task, node: Node) -> Attempt:
        self._attempt_count += 1
        return self.take_on(self.epoch << EPOCH_BITS | self._attempt_count, job, phase, task, node)

    def take_on(self, number: int, job: Job, phase: Phase, task: Task, node: Node) -> Attempt:
        """An attempt of this number holds a slot of the node, and counts for the task."""
        attempt = Attempt(number, job, phase, task, node, self.now)
        self.attempts[number] = attempt
        node.running[number] = job.name
        job.running[number] = node.name
        job.in_flight += 1
        phase.launched(task, node.name, number)
        if phase.stragglers:
            phase.stragglers.started(task.id, self.now, len(phase.attempts[task.id]))
        self.touch(job)
        self.nodes.changed(node)
        return attempt

    def release(self, attempt: Attempt) -> None:
        """The attempt has ended: its slot is free, and unless it was doomed its task waits."""
        del self.attempts[attempt.number]
        attempt.node.running.pop(attempt.number, None)
        attempt.job.in_flight -= 1
        if not attempt.doomed:
            self._disown(attempt)
        self.touch(attempt.job)
        self.nodes.changed(attempt.node)

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
        attempt.phase.stopped(attempt.task, attempt.number)
