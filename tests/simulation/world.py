"""A cluster, its master and its users in virtual time: everything that happens follows from the plan's seed.

    world = World(make_plan(seed))
    world.run()          raises Violation

Faults strike until the horizon; then everything is healed, and every job must come to its end.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from simulation.books import Books, Violation, demand
from simulation.clock import Clock
from simulation.data import Data, make_outputs, tasks_in
from simulation.faults import Faults
from simulation.jobs import SimJob, make_job
from simulation.ledger import Ledger, Rows
from simulation.machine import Machine, Work
from simulation.master import Master
from simulation.plan import Plan

from disco_master.actions import Action, Kill, Launch, Shuffle
from disco_master.core.master import Core
from disco_master.events import AttemptEnded, Event, JobSubmitted, NodeDown, NodeTableSaved, Tick
from disco_master.model import AttemptEnd, JobStatus, Mode, Outcome

START_S = 10_000.0
PATIENCE_S = 6 * 3600.0  # virtual; within this time after the horizon every job is over
HARMLESS = frozenset(("crash", "cut", "slow", "late", "lost", "restart"))  # never end a healthy job


class World:
    def __init__(
        self, plan: Plan, core: type[Core] = Core, ledger: Ledger | None = None, *, trace: bool = False
    ) -> None:
        self.plan = plan
        self.rng = random.Random(plan.seed)
        self.clock = Clock(START_S)
        self.faults: Sequence[str] = plan.mix
        self.trace: list[str] | None = [] if trace else None
        self.machines = {f"n{i}": self._machine(i) for i in range(plan.size.nodes)}
        self.jobs: dict[str, SimJob] = {}
        self.data = Data(self._is_reachable)
        self.books = Books(self.jobs, self.data, plan.scheduler)
        self.flown: dict[int, tuple[Launch, int]] = {}  # launches that the engine owes an end, and generation
        self.events = 0
        self.is_healed = False  # no more faults will come
        self._starts = 0

        def make_core() -> Core:
            self._starts += 1
            kind: Any = plan.scheduler
            return core(plan.seed * 1000 + self._starts, scheduler=kind)

        self.master = Master(make_core, ledger or Rows(), self._obey, self._decided)
        self.begin()

    def _machine(self, number: int) -> Machine:
        return Machine(self, f"n{number}", self.rng.randint(1, self.plan.size.slots))

    def begin(self) -> None:
        plan, clock = self.plan, self.clock
        self.master.start(clock.now)
        if plan.table:
            self.tell(NodeTableSaved(self.table()))
        for machine in self.machines.values():
            clock.after(self.rng.choice((0.0, 0.0, self.rng.uniform(0, 5))), machine.start)
        for number in range(plan.size.jobs):
            clock.after(self.rng.uniform(0, plan.size.horizon_s * 0.5), self.submit, number)
        self.chaos = Faults(self)
        for when, kind in plan.faults:
            clock.after(when, self.chaos.strike, kind)
        clock.after(plan.size.horizon_s, self.chaos.heal)

    def table(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, str(machine.slots)) for name, machine in self.machines.items())

    # -- running

    def run(self) -> None:
        horizon = START_S + self.plan.size.horizon_s
        while self.step():
            if self.clock.now > horizon + PATIENCE_S:
                raise Violation(f"not over after hours: {self.why()}")
        demand(not self.active(), f"waits for ever: {self.why()}")
        self._check_outcomes()

    def step(self) -> bool:
        """One thing happens. False when all is over, or nothing will ever happen again."""
        core = self.master.core
        due, coming = core.next_deadline() if core else None, self.clock.next_s()
        if self.is_healed and self.master.is_up and not self.active():
            return False
        if due is None and coming is None:
            return False
        if due is not None and (coming is None or due <= coming):
            self.clock.now = max(self.clock.now, due)
            self.tell(Tick())
        else:
            self.clock.step()
        return True

    def active(self) -> list[str]:
        core = self.master.core
        return list(core._board.active) if core else []

    def why(self) -> list[Any]:
        core = self.master.core
        return [(job, core.why(job)) for job in self.active()[:5]] if core else []

    def tell(self, event: Event) -> bool:
        """Whether the master has taken it in, and said so."""
        if not self.master.is_up:
            return False
        self.events += 1
        if self.trace is not None:
            self.trace.append(f"{self.clock.now:.3f} {event}")
        if isinstance(event, AttemptEnded):
            self.flown.pop(event.attempt, None)
        answered = self.master.handle(event, self.clock.now)
        core = self.master.core
        if core is None:
            self._master_is_gone()
        else:
            self.books.check(core, thorough=self.events % self.plan.size.every == 0)
        return answered

    def _decided(self, event: Event, actions: Sequence[Action]) -> None:
        self.books.told(event, actions)

    # -- the master's orders

    def _obey(self, action: Action) -> None:
        self.books.take(action)
        if self.trace is not None:
            self.trace.append(f"    {action}")
        match action:
            case Launch(node, generation, spec):
                self.flown[spec.attempt] = (action, generation)
                self._send(node, self.machines[node].launch, action)
                if generation != self.machines[node].in_touch:
                    self.clock.after(0.001, self._end_lost, spec.attempt)
            case Kill(attempt, node):
                self._send(node, self.machines[node].kill, attempt)
            case Shuffle(node=node):
                self._send(node, self.machines[node].merge, action)

    def _send(self, node: str, obey: Any, order: Any) -> None:
        self.clock.after(self.rng.uniform(0.0005, 0.004), self.machines[node].order, obey, order)

    def lost_touch(self, node: str, generation: int, *, says_ends: bool) -> None:
        """The engine's word about a node that is gone."""
        lost = [n for n, (launch, g) in self.flown.items() if launch.node == node and g == generation]
        for attempt in lost:
            if says_ends:
                self._end_lost(attempt)
            self.flown.pop(attempt, None)
        self.tell(NodeDown(node, generation, "gone"))

    def _end_lost(self, attempt: int) -> None:
        if attempt in self.flown and self.master.is_up:
            launch, _ = self.flown[attempt]
            spec = launch.spec
            end = AttemptEnd(Outcome.NODE_LOST, "node is gone")
            self.tell(AttemptEnded(attempt, spec.job, spec.mode, spec.task, launch.node, end))

    # -- the master's process

    def _master_is_gone(self) -> None:
        self.flown = {}
        self.books.forget_cluster()
        self.clock.after(self.rng.uniform(0.5, 20.0), self._start_master)
        for machine in self.machines.values():
            machine.master_gone()

    def _start_master(self) -> None:
        self.master.start(self.clock.now)
        core = self.master.core
        if core is None:
            self._master_is_gone()
        else:
            self.books.check_restart(core)

    # -- users

    def submit(self, number: int) -> None:
        job = make_job(
            number, self.plan, list(self.machines), random.Random(f"{self.plan.seed} job {number}")
        )
        self.jobs.setdefault(job.spec.name, job)
        job = self.jobs[job.spec.name]
        if self.tell(JobSubmitted(job.spec)):
            job.is_acknowledged = True
        else:
            self.clock.after(5.0, self.submit, number)

    # -- the work

    def _is_reachable(self, node: str) -> bool:
        machine = self.machines[node]
        return machine.is_up and not machine.is_cut

    def read_some(self, machine: Machine, work: Work) -> None:
        """A reduce begins to read: some of its inputs now, the others when it ends."""
        spec = work.launch.spec
        if spec.mode is Mode.REDUCE and self.jobs[spec.job].spec.has_map:
            for one in spec.inputs:
                content = self.data.read(one.urls[0]) if machine.rng.random() < 0.5 else None
                if content is not None:
                    work.read[one.urls[0]] = content

    def outcome(self, machine: Machine, work: Work) -> AttemptEnd | None:
        """How the attempt ends; None if it takes its node with it."""
        spec, rng = work.launch.spec, machine.rng
        job = self.jobs[spec.job]
        match job.poison_of(spec):
            case "killer":
                return None
            case "same":
                return AttemptEnd(Outcome.FAILED, "it can't be done")
            case "ever":
                return AttemptEnd(Outcome.FAILED, f"{_word(rng)} it can't be done")
            case "fatal":
                return AttemptEnd(Outcome.FAILED, "stop it all", fatal=True)
        if machine.is_bad:
            return AttemptEnd(Outcome.CRASHED, f"{_word(rng)} is missing here", signal=11)
        if machine.is_full:
            return AttemptEnd(Outcome.FAILED, f"{_word(rng)}: no space left on the device")
        if "flaky" in self.faults and rng.random() < 0.05:
            outcome = rng.choice((Outcome.FAILED, Outcome.CRASHED, Outcome.ENGINE_ERROR))
            return AttemptEnd(outcome, f"{_word(rng)} went wrong")
        return self._good_end(machine, work)

    def _good_end(self, machine: Machine, work: Work) -> AttemptEnd:
        spec = work.launch.spec
        job = self.jobs[spec.job].spec
        if spec.mode is Mode.REDUCE and job.has_map:
            for one in spec.inputs:
                url = one.urls[0]
                content = work.read.get(url) or self.data.read(url)
                if content is None:
                    return AttemptEnd(Outcome.FAILED, f"can't read {url}", unreadable=(url,))
                work.read[url] = content
            parts = list(work.read.values())
            self.books.read[spec.attempt] = [task for part in parts for task in tasks_in(part)]  # type: ignore
        labels = min(4, job.nr_reduces) if spec.mode is Mode.MAP and job.has_reduce else 1
        outputs = make_outputs(work.launch, labels, machine.rng)
        self.data.write(machine.name, outputs)
        return AttemptEnd(Outcome.DONE, outputs=outputs)

    def _check_outcomes(self) -> None:
        core = self.master.core
        assert core is not None
        for name, view in core.snapshot().jobs.items():
            demand(view.status is not JobStatus.ACTIVE, f"{name} is not over")
            if set(self.plan.mix) <= HARMLESS and self.jobs[name].is_healthy and not self.plan.poison:
                possible = view.status is JobStatus.READY or "forced to be" in view.failure
                demand(possible, f"{name} has died of what should not end a job: {view.failure}")
        for name, job in self.jobs.items():
            demand(job.is_cleaned or job.is_acknowledged, f"{name} was never acknowledged")


def _word(rng: random.Random) -> str:
    return "".join(rng.choice("bcdfgklmnprst") + rng.choice("aeiou") for _ in range(6))


__all__ = ["Violation", "World"]
