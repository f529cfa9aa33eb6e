"""Cores with one deliberate bug each: a simulation that lets one of them pass proves nothing."""

from __future__ import annotations

from typing import Any

from disco_master.actions import Action
from disco_master.core.master import Core
from disco_master.core.nodes import Node, Nodes
from disco_master.core.timers import TaskPause
from disco_master.events import AttemptEnded, Event, JobSubmitted
from disco_master.model import Outcome


class OneSlotTooMany(Core):
    """A node has a slot more than it has."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)

        class Greedy(Nodes):
            def changed(self, node: Node) -> None:
                super().changed(node)
                if self.is_usable(node) and len(node.running) == node.slots:
                    self.free.put(node.name, node.load)

        self._board.nodes = Greedy()


class BlacklistIsForgotten(Core):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)

        class Open(Nodes):
            def is_usable(self, node: Node) -> bool:
                return node.connected and node.slots > 0

        self._board.nodes = Open()


class SameNodeAgain(Core):
    """A task that has failed is tried again where it failed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._attempts._avoid = lambda trouble, node: None  # type: ignore[method-assign]


class LateResultsCount(Core):
    """What comes from an attempt that is over counts, if the task has not been done since."""

    def handle(self, event: Event, now: float) -> list[Action]:
        if isinstance(event, AttemptEnded) and event.attempt not in self._board.attempts:
            job = self._board.jobs.get(event.job)
            phase = job.phase(event.mode) if job else None
            if job and phase and event.end.outcome is Outcome.DONE and event.task not in phase.attempts:
                task = phase.tasks[event.task]
                phase.waiting.discard(task)
                self._board.now = now
                self._board.record(event)
                self._attempts.settle(job, phase, task, event)
                return self._conclude()
        return super().handle(event, now)


class LosersCount(Core):
    """Of two attempts of a task both are counted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        doom = self._board.doom

        def doom_but(attempt: Any, reason: str) -> None:
            if "was first" not in reason:
                doom(attempt, reason)

        self._board.doom = doom_but  # type: ignore[method-assign]


class LossesAreIgnored(Core):
    """What a lost node held is not made again."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._losing.outputs_lost = lambda job, name: None  # type: ignore[method-assign]


class PausesNeverEnd(Core):
    """A task that waits for its retry is forgotten."""

    def _due(self, due: Any) -> None:
        if not isinstance(due, TaskPause):
            super()._due(due)


class FirstComeFirstServed(Core):
    """fair is fifo."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._board.scheduler._kind = "fifo"


class NoLocality(Core):
    """No task knows where its input lies."""

    def handle(self, event: Event, now: float) -> list[Action]:
        if isinstance(event, JobSubmitted):
            self._blind = True
        return super().handle(event, now)

    def _conclude(self) -> list[Action]:
        for job in self._board.active_jobs():
            for phase in job.phases:
                if phase.placement.may_move and not hasattr(phase, "blind"):
                    phase.blind = True  # type: ignore[attr-defined]
                    tasks = phase.waiting.drain()
                    phase.waiting._where = lambda task: ()
                    for task in tasks:
                        phase.waiting.enqueue(task, self._board.nodes.usable)
        return super()._conclude()


class EndsAreNotRecorded(Core):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        record = self._board.record
        self._board.record = (  # type: ignore[method-assign]
            lambda event: None if isinstance(event, AttemptEnded) else record(event)
        )


class SubmissionsAreNotRecorded(Core):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        record = self._board.record
        self._board.record = (  # type: ignore[method-assign]
            lambda event: None if isinstance(event, JobSubmitted) else record(event)
        )


class OldIndexesAreGoodEnough(Core):
    """A merge that began before a task ended on its node counts all the same."""

    def handle(self, event: Event, now: float) -> list[Action]:
        for job in self._board.active_jobs():
            for phase in job.phases:
                for merge in phase.merging.values():
                    merge.is_void = False
        return super().handle(event, now)


class MaxCoresIsAWish(Core):
    def handle(self, event: Event, now: float) -> list[Action]:
        for job in self._board.active_jobs():
            job.in_flight = min(job.in_flight, job.spec.scheduler.max_cores - 1)
        return super().handle(event, now)


# each with a part of what the simulation must say of it
MUTANTS: dict[type[Core], str] = {
    OneSlotTooMany: "more attempts than slots",
    BlacklistIsForgotten: "blacklisted|disk is full",
    SameNodeAgain: "where it has failed",
    LateResultsCount: "attempt that is over is recorded",
    LosersCount: "counted twice|third attempt|starts again|negative counts",
    LossesAreIgnored: "waits for ever|not over|the results hold",
    PausesNeverEnd: "waits for ever",
    FirstComeFirstServed: "gets a slot of",
    NoLocality: "before one of its own",
    EndsAreNotRecorded: "are left",
    SubmissionsAreNotRecorded: "instead of|not in the journal",
    OldIndexesAreGoodEnough: "has read the maps|the results hold",
    MaxCoresIsAWish: "more than max_cores|idle while",
}
