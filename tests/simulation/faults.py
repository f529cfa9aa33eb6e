"""The faults of a world, each with its own way to strike and to be healed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from simulation.machine import Machine

from disco_master.events import (
    BlacklistChanged,
    JobCleaned,
    JobKilled,
    NodeTableSaved,
    SettingChanged,
)

if TYPE_CHECKING:
    from simulation.world import World


class Faults:
    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = random.Random(f"{world.plan.seed} faults")
        self.struck: dict[str, int] = {}

    def strike(self, kind: str) -> None:
        self.struck[kind] = self.struck.get(kind, 0) + 1
        machine = self.rng.choice(list(self.world.machines.values()))
        getattr(self, f"_{kind}")(machine)

    def heal(self) -> None:
        """No more faults: everything is as it should be from now on."""
        world = self.world
        world.faults, world.is_healed = (), True
        for machine in world.machines.values():
            machine.is_slow = machine.is_bad = machine.is_late = False
            self._end_full(machine)
            machine.heal()
        self._heal_settings()

    def _heal_settings(self) -> None:
        """Tried until the master is there and has taken it in."""
        world = self.world
        listed = [name for name in world.machines if name in world.books.blacklist]
        done = sum(world.tell(BlacklistChanged("tasks", name, listed=False)) for name in listed) == len(
            listed
        )
        if world.plan.table or world.books.table:
            done = world.tell(NodeTableSaved(world.table())) and done
        if not done or not world.master.is_up:
            world.clock.after(3.0, self._heal_settings)

    # -- nodes

    def _crash(self, machine: Machine) -> None:
        machine.crash(returns_s=self.rng.choice((0.5, 10.0, 25.0, 90.0)))
        if self.rng.random() < 0.1:  # a power line: its neighbours too
            for other in self.rng.sample(list(self.world.machines.values()), len(self.world.machines) // 2):
                other.crash(returns_s=self.rng.uniform(1.0, 60.0))

    def _cut(self, machine: Machine) -> None:
        machine.cut(self.rng.choice((2.0, 15.0, 45.0, 100.0)))

    def _lost(self, machine: Machine) -> None:
        """What is under way to the node, or from it, is lost with a link that is soon there again."""
        machine.cut(0.5)
        machine.lose_touch(machine.in_touch)

    def _late(self, machine: Machine) -> None:
        machine.is_late = True

    def _slow(self, machine: Machine) -> None:
        machine.is_slow = True
        self.world.clock.after(self.rng.uniform(20.0, 150.0), self._end, machine, "is_slow")

    def _bad(self, machine: Machine) -> None:
        machine.is_bad = True
        self.world.clock.after(self.rng.uniform(10.0, 100.0), self._end, machine, "is_bad")

    def _full(self, machine: Machine) -> None:
        machine.is_full = True
        self.world.clock.after(self.rng.uniform(0.0, 10.0), machine.tell_disk)
        self.world.clock.after(self.rng.uniform(20.0, 80.0), self._end_full, machine)

    def _end_full(self, machine: Machine) -> None:
        if machine.is_full:
            machine.is_full = False
            machine.tell_disk()

    def _wipe(self, machine: Machine) -> None:
        if self.rng.random() < 0.5:
            machine.crash(returns_s=self.rng.choice((1.0, 10.0, 40.0)))
        self.world.data.wipe(machine.name)

    @staticmethod
    def _end(machine: Machine, fault: str) -> None:
        setattr(machine, fault, False)

    def _flaky(self, machine: Machine) -> None:
        """Nothing of its own: see `World.outcome`."""

    # -- the master and its administrator

    def _restart(self, machine: Machine) -> None:
        self.world.master.doom(self.rng.choice((None, 0, 0, 1, 2, 5)))

    def _admin(self, machine: Machine) -> None:
        world, rng = self.world, self.rng
        jobs = list(world.jobs)
        match rng.choice(("list", "list", "table", "kill", "clean", "setting")):
            case "list":
                listed = machine.name not in world.books.blacklist
                world.tell(BlacklistChanged("tasks", machine.name, listed))
            case "table" if world.plan.table:
                rows = [(n, str(rng.randint(0, m.slots + 1))) for n, m in world.machines.items()]
                world.tell(NodeTableSaved(tuple(row for row in rows if rng.random() < 0.8)))
            case "kill" if jobs and rng.random() < 0.3:
                world.tell(JobKilled(rng.choice(jobs)))
            case "clean" if jobs and rng.random() < 0.3:
                self._clean(rng.choice(jobs))
            case "setting":
                world.tell(SettingChanged("max_failure_rate", rng.choice((3, 10, 40))))

    def _clean(self, name: str) -> None:
        job = self.world.jobs[name]
        if job.is_acknowledged:
            job.is_cleaned = True  # from now on it may be gone
            self.world.tell(JobCleaned(name, purge=self.rng.random() < 0.5))
