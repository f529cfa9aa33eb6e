"""A node as it is, not as the master knows it: what runs there, what it has said, what of it has arrived.

The engine's promises are kept: an attempt that was launched has one end, unless the master goes; messages of
one node come in order; a launch for another generation ends as NODE_LOST. What the engine can't promise is
left to chance: how late something comes, whether an end comes before or after the word that the node is down,
and whether something from a generation that is over still arrives.

A node that *keeps* its attempts hands over, after a cut or a restart of the master, what it still runs and
what it could not tell.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from disco_master.actions import Launch, Shuffle
from disco_master.events import (
    AttemptEnded,
    AttemptMessage,
    AttemptStarted,
    Event,
    NodeDown,
    NodeStats,
    NodeUp,
    ShuffleEnded,
)
from disco_master.model import AttemptEnd, FoundAttempt, Outcome

if TYPE_CHECKING:
    from simulation.world import World

GIB = 1024**3
SLOW_FACTOR = 15.0


@dataclass
class Work:
    """An attempt on its node. `read` is what a reduce has read so far: index URL -> what it listed."""

    launch: Launch
    is_stretched: bool = False
    read: dict[str, tuple[object, ...]] = field(default_factory=dict)


class Machine:
    def __init__(self, world: World, name: str, slots: int) -> None:
        self.world, self.name, self.slots = world, name, slots
        self.rng = random.Random(f"{world.plan.seed} {name}")
        self.generation = 0
        self.is_up = False
        self.is_cut = False
        self.in_touch = 0  # the generation under which the engine knows it; 0: not at all
        self.is_slow = self.is_full = self.is_bad = self.is_late = False
        self.life = 0  # the process of the node; it may go on through several generations
        self.merges: dict[tuple[str, str], int] = {}  # the newest order of each job and mode
        self.running: dict[int, Work] = {}
        self.unsaid: dict[int, AttemptEnded] = {}  # ends that the master has not confirmed
        self._outbox: list[Event] = []  # what waits for the link, in either direction
        self._inbox: list[tuple[Callable[..., None], Any]] = []
        self._last_s = 0.0  # when the latest message arrives

    # -- coming and going

    def start(self) -> None:
        """A process of the node begins: a new generation."""
        if not self.is_up:
            self.is_up = True
            self.life += 1
            self.merges = {}
            self._forget()
            self.connect()

    def connect(self) -> None:
        """Get in touch with the master, if it can be reached."""
        if not self.is_up or self.is_cut or self.in_touch:
            return
        if not self.world.master.is_up:
            self.world.clock.after(self.rng.uniform(0.1, 5.0), self.connect)
            return
        self.generation += 1
        self.in_touch = self.generation
        found = [work.launch.spec for work in self.running.values()] if self.world.plan.keeps else []
        attempts = [FoundAttempt(spec.attempt, spec.job, spec.mode, spec.task) for spec in found]
        attempts += [FoundAttempt(e.attempt, e.job, e.mode, e.task) for e in self.unsaid.values()]
        self._outbox, self._inbox = [], []
        self._last_s = 0.0
        self._post(NodeUp(self.name, self.generation, self.slots, tuple(attempts)))
        self.tell_disk()
        for end in list(self.unsaid.values()):
            self._post(end)

    def crash(self, returns_s: float) -> None:
        if not self.is_up:
            return
        self.is_up = False
        self.life += 1
        self._forget()
        self.world.clock.after(self.rng.choice((0.01, 1.0, 20.0)), self.lose_touch, self.in_touch)
        self.world.clock.after(returns_s, self.start)

    def cut(self, seconds: float) -> None:
        if self.is_cut:
            return
        self.is_cut = True
        self.world.clock.after(self.rng.uniform(10.0, 30.0), self._notice_cut, self.in_touch)
        self.world.clock.after(seconds, self.heal)

    def heal(self) -> None:
        self.is_cut = False
        if self.in_touch:
            outbox, self._outbox = self._outbox, []
            inbox, self._inbox = self._inbox, []
            for event in outbox:
                self._post(event)
            for obey, order in inbox:
                obey(order)
        else:
            self.connect()

    def _notice_cut(self, generation: int) -> None:
        if self.is_cut and generation and self.in_touch == generation:
            self.lose_touch(generation)
            if not self.world.plan.keeps:
                self._forget()

    def lose_touch(self, generation: int) -> None:
        """The engine finds the node gone: what it launched there has ended, then the node is down."""
        if not generation or self.in_touch != generation:
            return
        self.in_touch = 0
        self.world.lost_touch(self.name, generation, says_ends=self.rng.random() < 0.5)
        self.connect()

    def master_gone(self) -> None:
        self.in_touch = 0
        if not self.world.plan.keeps:
            self._forget()
        self.world.clock.after(self.rng.uniform(0.1, 8.0), self.connect)

    def _forget(self) -> None:
        self.running, self.unsaid, self._outbox, self._inbox = {}, {}, [], []

    # -- what the master wants

    def order(self, obey: Callable[..., None], order: Any) -> None:
        """An order arrives, now or when the link is whole again; not at all if touch is lost first."""
        if self.is_up and self.in_touch:
            if self.is_cut:
                self._inbox.append((obey, order))
            else:
                obey(order)

    def launch(self, order: Launch) -> None:
        if order.generation != self.in_touch:
            return  # the engine says NODE_LOST for it
        work = Work(order)
        spec = order.spec
        self.running[spec.attempt] = work
        self.say(AttemptStarted(spec.attempt, 1))
        if self.rng.random() < 0.2:
            self.say(AttemptMessage(spec.attempt, 1, "hello"))
        seconds = self.world.jobs[spec.job].seconds(self.rng) * (0.02 if self.is_bad else 1.0)
        self.world.read_some(self, work)
        if not self.world.jobs[spec.job].is_stuck(spec):
            self.world.clock.after(seconds, self._work_over, spec.attempt, work, seconds)

    def kill(self, attempt: int) -> None:
        self.unsaid.pop(attempt, None)
        work = self.running.pop(attempt, None)
        if work is not None:
            self._end(work.launch, AttemptEnd(Outcome.KILLED))

    def merge(self, order: Shuffle) -> None:
        if order.generation == self.in_touch:
            key = (order.job, order.mode)
            self.merges[key] = max(order.number, self.merges.get(key, 0))
            seconds = self.rng.choice((0.01, 0.5, self.rng.uniform(1.0, 40.0)))
            self.world.clock.after(seconds, self._merge_over, order, self.life)

    def _merge_over(self, order: Shuffle, life: int) -> None:
        if life != self.life or order.number < self.merges[order.job, order.mode]:
            return  # its process is gone; or a newer order has taken its place
        if order.generation != self.in_touch and self.rng.random() < 0.5:
            return  # else the answer comes although nobody waits for it any more
        index, error = "", "the disk is full"
        if not self.is_full:
            index = self.world.data.merge(order)
            error = "" if index else "an output is not there"
        is_gone = bool(error) and not self.is_full and self.rng.random() < 0.7
        if self.rng.random() < 0.1 and "flaky" in self.world.faults:
            index, error, is_gone = "", "bad luck", False
        self.say(ShuffleEnded(order.job, order.mode, order.node, index, error, is_gone, order.number))

    def _work_over(self, attempt: int, work: Work, seconds: float) -> None:
        if self.running.get(attempt) is not work:
            return
        if self.is_slow and not work.is_stretched:
            work.is_stretched = True
            self.world.clock.after(seconds * SLOW_FACTOR, self._work_over, attempt, work, seconds)
            return
        end = self.world.outcome(self, work)
        if end is None:  # it has brought the node down
            self.crash(self.rng.uniform(5.0, 20.0))
            return
        del self.running[attempt]
        self._end(work.launch, end)

    def _end(self, launch: Launch, end: AttemptEnd) -> None:
        spec = launch.spec
        event = AttemptEnded(spec.attempt, spec.job, spec.mode, spec.task, launch.node, end)
        if self.world.plan.keeps:
            self.unsaid[spec.attempt] = event
        self.say(event)

    # -- what the node says

    def tell_disk(self) -> None:
        self.say(NodeStats(self.name, self.generation, 0 if self.is_full else 5 * GIB, GIB))

    def say(self, event: Event) -> None:
        if self.is_cut:
            self._outbox.append(event)
        elif self.in_touch:
            self._post(event)

    def _post(self, event: Event) -> None:
        """In order, whatever the delays; sometimes twice."""
        delay = self.rng.uniform(0.0005, 0.005)
        if self.is_late and self.rng.random() < 0.3:
            delay += self.rng.uniform(0.0, 25.0)
        self._last_s = max(self._last_s, self.world.clock.now + delay)
        self.world.clock.after(self._last_s - self.world.clock.now, self._arrive, event, self.in_touch)
        if self.is_late and self.rng.random() < 0.1:
            self.world.clock.after(delay + self.rng.uniform(0.0, 60.0), self._arrive_again, event)

    def _arrive(self, event: Event, generation: int) -> None:
        if generation != self.in_touch and (not isinstance(event, AttemptEnded) or self.rng.random() < 0.5):
            return
        if self.world.tell(event) and isinstance(event, AttemptEnded):
            self.unsaid.pop(event.attempt, None)

    def _arrive_again(self, event: Event) -> None:
        if not isinstance(event, NodeUp | NodeDown | NodeStats):
            self.world.tell(event)
