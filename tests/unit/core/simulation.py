"""A cluster made of chance, to run a core against: nodes that come and go, attempts that end as they like.

The world believes nothing that the core says: it keeps its own books (what runs where, which index holds
what, what a reduce really read) and checks the core's orders against them. Everything follows from the
seed, so a failure is replayed by its number.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from disco_master.actions import Action, Kill, Launch, Record, Shuffle
from disco_master.core.master import Core
from disco_master.events import (
    AttemptEnded,
    BlacklistChanged,
    Event,
    JobCleaned,
    JobKilled,
    JobSubmitted,
    NodeDown,
    NodeTableSaved,
    NodeUp,
    ShuffleEnded,
    Tick,
)
from disco_master.model import (
    AttemptEnd,
    JobSpec,
    JobStatus,
    MasterView,
    Mode,
    Outcome,
    Output,
    OutputKind,
    SchedulerOptions,
)

START_S = 5000.0
FAILURES = (Outcome.FAILED, Outcome.CRASHED, Outcome.ENGINE_ERROR, Outcome.NODE_LOST)

IndexKey = tuple[str, Mode, str]


@dataclass
class Machine:
    slots: int
    generation: int = 0
    is_up: bool = False
    is_listed: bool = False  # on the blacklist
    running: dict[int, Launch] = field(default_factory=dict)


class World:
    def __init__(self, seed: int, *, nodes: int = 4, faults: bool = True, patience: float = 0.0) -> None:
        """`patience`: how often a reduce that could end goes on instead, so that nodes are lost meanwhile."""
        self.rng = random.Random(seed)
        self.seed, self.faults, self.patience = seed, faults, patience
        self.now = START_S
        self.core = Core(seed)
        self.journal: list[Record] = []
        self.orders: list[Action] = []
        self.machines = {f"n{i}": Machine(self.rng.randint(1, 3)) for i in range(nodes)}
        self.specs: dict[str, JobSpec] = {}
        self.merges: list[Shuffle] = []
        self.indexes: dict[IndexKey, tuple[Output, ...]] = {}
        self.early: dict[int, dict[str, tuple[Output, ...]]] = {}  # what a reduce has read already
        self.doomed: dict[int, None] = {}
        self.completions = 0
        self.send(NodeTableSaved(tuple((name, str(m.slots)) for name, m in self.machines.items())))
        for name in self.machines:
            self.bring_up(name)

    # -- running

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.now += self.rng.random()
            self.step()

    def step(self) -> None:
        """One thing happens, if it can."""
        chance = self.rng.random()
        if chance < 0.06 and len(self.active()) < 5:
            self.submit()
        elif self.faults and chance < 0.16:
            self.rng.choice(
                [self.node_changes, self.node_changes, self.list_changes, self.job_stops, self.restart]
            )()
        elif chance < 0.3 and self.merges:
            self.end_merge(fail=self.faults and self.rng.random() < 0.2)
        elif chance < 0.35:
            self.send(Tick())
        else:
            self.end_some_attempt()

    def settle(self, limit: int = 5000) -> None:
        """No more faults: everything that is unfinished must now come to its end."""
        self.faults = False
        for name, machine in self.machines.items():
            if machine.is_listed:
                machine.is_listed = False
                self.send(BlacklistChanged("tasks", name, listed=False))
            if not machine.is_up:
                self.bring_up(name)
        for _ in range(limit):
            if not self.active():
                return
            if self.merges:
                self.end_merge(fail=False)
            elif any(machine.running for machine in self.machines.values()):
                self.end_some_attempt()
            else:
                due = self.core.next_deadline()
                assert due is not None, [self.core.why(job) for job in self.active()]
                self.now = max(self.now, due)
                self.send(Tick())
        raise AssertionError([(job, self.core.why(job)) for job in self.active()])

    def view(self) -> MasterView:
        return self.core.snapshot()

    def active(self) -> list[str]:
        return [name for name, job in self.view().jobs.items() if job.status is JobStatus.ACTIVE]

    def send(self, event: Event) -> None:
        for action in self.core.handle(event, self.now):
            self.obey(action)
        self.check()

    # -- what may happen

    def submit(self) -> None:
        rng = self.rng
        name = f"job@{len(self.specs)}"
        nodes = list(self.machines)
        count = rng.randint(0, 12)
        inputs = tuple(
            tuple(f"disco://{node}/{name}/{i}" for node in rng.sample(nodes, rng.randint(1, 2)))
            if rng.random() < 0.7
            else (f"raw://{i}",)
            for i in range(count)
        )
        all_near = all(urls[0].startswith("disco") for urls in inputs)
        options = SchedulerOptions(
            max_cores=rng.choice([1, 2, 2**31]),
            force_local=all_near and rng.random() < 0.3,
            force_remote=not all_near and rng.random() < 0.1,
            max_failures=rng.choice([None, 1000]),
        )
        has_map = rng.random() < 0.8
        spec = JobSpec(
            name,
            "job",
            "me",
            "worker",
            inputs,
            has_map,
            not has_map or rng.random() < 0.7,
            rng.randint(1, 4),
            options,
        )
        self.specs[name] = spec
        self.send(JobSubmitted(spec))

    def node_changes(self) -> None:
        name = self.rng.choice(list(self.machines))
        if self.machines[name].is_up:
            self.bring_down(name)
        else:
            self.bring_up(name)

    def bring_up(self, name: str) -> None:
        machine = self.machines[name]
        machine.generation += 1
        machine.is_up = True
        self.send(NodeUp(name, machine.generation, machine.slots + 1))

    def bring_down(self, name: str) -> None:
        machine = self.machines[name]
        machine.is_up = False
        launches, machine.running = list(machine.running.values()), {}
        for launch in launches if self.rng.random() < 0.5 else ():
            self.send(_ended(launch, AttemptEnd(Outcome.NODE_LOST)))
        machine.running = {}  # what was launched meanwhile is gone as well
        self.merges = [merge for merge in self.merges if merge.node != name]
        self.send(NodeDown(name, machine.generation, "gone"))

    def list_changes(self) -> None:
        name = self.rng.choice(list(self.machines))
        machine = self.machines[name]
        machine.is_listed = not machine.is_listed
        self.send(BlacklistChanged("tasks", name, machine.is_listed))

    def job_stops(self) -> None:
        jobs = list(self.view().jobs)
        if jobs and self.rng.random() < 0.3:
            name = self.rng.choice(jobs)
            self.send(self.rng.choice([JobKilled(name), JobCleaned(name, purge=False)]))

    def restart(self) -> None:
        """The master is killed and started again; nodes and their processes go with it."""
        before = self.view()
        self.core = self.restored()
        self.merges, self.doomed = [], {}
        for machine in self.machines.values():
            machine.running, machine.is_up = {}, False
        for action in self.core.resume(self.now):
            self.obey(action)
        assert_same_jobs(before, self.view())
        for name in self.machines:
            self.bring_up(name)

    def restored(self) -> Core:
        core = Core(self.seed)
        for record in self.journal:
            core.restore(record.event, record.now)
        return core

    def end_merge(self, *, fail: bool) -> None:
        merge = self.merges.pop(self.rng.randrange(len(self.merges)))
        index = f"dir://{merge.node}/{merge.job}/{merge.mode}-index"
        if not fail:
            self.indexes[merge.job, merge.mode, merge.node] = merge.outputs
        self.send(
            ShuffleEnded(merge.job, merge.mode, merge.node, "" if fail else index, "bad" if fail else "")
        )

    def end_some_attempt(self) -> None:
        launches = [launch for machine in self.machines.values() for launch in machine.running.values()]
        if not launches:
            return
        launch = self.rng.choice(launches)
        spec = launch.spec
        if spec.mode is Mode.REDUCE and self.faults and self.rng.random() < self.patience:
            return
        del self.machines[launch.node].running[spec.attempt]
        read = self.read(launch)
        if self.rng.random() < 0.5:
            self.doomed.pop(spec.attempt, None)  # it ended before the kill reached it
        if spec.attempt in self.doomed:
            end = AttemptEnd(Outcome.KILLED)
        elif read is None:
            end = AttemptEnd(Outcome.FAILED, "can't read an index")
        elif self.faults and self.rng.random() < 0.15:
            end = AttemptEnd(self.rng.choice(FAILURES), f"failure {self.rng.random()}")
        elif self.faults and self.rng.random() < 0.005:
            end = AttemptEnd(Outcome.FAILED, "fatal", fatal=True)
        else:
            end = AttemptEnd(Outcome.DONE, outputs=self.outputs(launch))
        recorded = len(self.journal)
        self.send(_ended(launch, end))
        counted = any(isinstance(record.event, AttemptEnded) for record in self.journal[recorded:])
        reduces = spec.mode is Mode.REDUCE and self.specs[spec.job].has_map
        if counted and reduces and end.outcome is Outcome.DONE and read is not None:
            self.completions += 1
            self.check_read(spec.job, read)

    def outputs(self, launch: Launch) -> tuple[Output, ...]:
        spec = launch.spec
        name = f"{spec.job}/{spec.mode}-{spec.task}-{spec.attempt}"
        if self.rng.random() < 0.15 and spec.mode is Mode.REDUCE:
            return (Output(f"tag://{spec.mode}-{spec.task}", OutputKind.TAG),)
        return tuple(
            Output(f"disco://{launch.node}/{name}-{label}", OutputKind.PART, label)
            for label in range(self.rng.randint(1, 6))
        )

    # -- the data plane

    def read(self, launch: Launch) -> dict[str, tuple[Output, ...]] | None:
        """What a reduce of a job with a map reads in the end; None if it can't."""
        spec = launch.spec
        if spec.mode is Mode.MAP or not self.specs[spec.job].has_map:
            return {}
        content = dict(self.early.pop(spec.attempt, {}))
        for one in spec.inputs:
            if one.urls[0] not in content:
                part = self.fetch(spec.job, one.urls[0])
                if part is None:
                    return None
                content[one.urls[0]] = part
        return content

    def fetch(self, job: str, url: str) -> tuple[Output, ...] | None:
        node = url.removeprefix("dir://").partition("/")[0]
        return self.indexes[job, Mode.MAP, node] if self.machines[node].is_up else None

    def read_early(self, launch: Launch) -> None:
        spec = launch.spec
        if spec.mode is Mode.REDUCE and self.specs[spec.job].has_map:
            content = {}
            for one in spec.inputs:
                part = self.fetch(spec.job, one.urls[0]) if self.rng.random() < 0.5 else None
                if part is not None:
                    content[one.urls[0]] = part
            self.early[spec.attempt] = content

    # -- orders, and the books

    def obey(self, action: Action) -> None:
        self.orders.append(action)
        match action:
            case Record():
                self.journal.append(action)
            case Launch(node, generation, spec):
                machine = self.machines[node]
                assert not machine.is_listed, "launch on a blacklisted node"
                assert generation == machine.generation
                if machine.is_up:  # else the core does not know yet
                    machine.running[spec.attempt] = action
                    self.read_early(action)
            case Kill(attempt, _, _):
                self.doomed[attempt] = None
            case Shuffle():
                if self.machines[action.node].is_up:
                    self.merges.append(action)

    def check(self) -> None:
        """The invariants, after every event."""
        in_flight: dict[str, int] = {}
        for name, machine in self.machines.items():
            assert len(machine.running) <= machine.slots, f"{name} has too many attempts"
            for launch in machine.running.values():
                in_flight[launch.spec.job] = in_flight.get(launch.spec.job, 0) + 1
        for job, count in in_flight.items():
            assert count <= self.specs[job].scheduler.max_cores, f"{job} is over max_cores"
        self.check_views()
        self.check_no_idle_slot()

    def check_views(self) -> None:
        for name, job in self.view().jobs.items():
            spec = self.specs[name]
            maps = len(spec.inputs) if spec.has_map else 0
            if job.status is JobStatus.ACTIVE:
                assert sum(job.map[:3]) == maps
                assert len(job.hosts) == job.map.running + job.reduce.running
                assert min(*job.map, *job.reduce) >= 0
            if job.status is JobStatus.READY:
                self.check_results(name)

    def check_results(self, name: str) -> None:
        """Every task of the last phase is in the results exactly once."""
        job, spec = self.view().jobs[name], self.specs[name]
        mode = Mode.REDUCE if spec.has_reduce else Mode.MAP
        count = 0 if not spec.inputs else spec.nr_reduces if spec.has_reduce else len(spec.inputs)
        tasks = [url.rpartition("-")[2] for url in job.results if url.startswith("tag://")]
        for url in job.results:
            if url.startswith("dir://"):
                node = url.removeprefix("dir://").partition("/")[0]
                tasks += _tasks(self.indexes[name, mode, node])
        assert sorted(tasks, key=int) == [str(i) for i in range(count)], (name, tasks)

    def check_read(self, job: str, read: dict[str, tuple[Output, ...]]) -> None:
        """A reduce that counts has read the output of every map task exactly once."""
        tasks = [task for outputs in read.values() for task in _tasks(outputs)]
        assert sorted(tasks, key=int) == [str(i) for i in range(len(self.specs[job].inputs))]

    def check_no_idle_slot(self) -> None:
        board = self.core._board
        free = board.nodes.free()
        for job in board.active_jobs():
            phase = job.open_phase()
            if phase and job.is_runnable():
                for group in phase.waiting.groups.values():
                    takers = [node for node in free if node not in group.shun]
                    if not phase.placement.may_move:
                        takers = [node for node in takers if node in group.counts]
                    assert not takers, f"{takers} idle while tasks of {job.name} wait"


def _tasks(outputs: tuple[Output, ...]) -> list[str]:
    """The ids of the tasks that made the outputs; an id comes twice if two attempts of it did."""
    attempts = dict.fromkeys(tuple(output.url.split("-")[-3:-1]) for output in outputs)
    return [task for task, _ in attempts]


def _ended(launch: Launch, end: AttemptEnd) -> AttemptEnded:
    spec = launch.spec
    return AttemptEnded(spec.attempt, spec.job, spec.mode, spec.task, launch.node, end)


def assert_same_jobs(live: MasterView, restored: MasterView) -> None:
    """What a restart must keep of the jobs: everything but what was running."""
    assert list(live.jobs) == list(restored.jobs)
    for name, before in live.jobs.items():
        after = restored.jobs[name]
        for one, other in ((before.map, after.map), (before.reduce, after.reduce)):
            assert (one.waiting + one.running, one.done, one.failed) == (
                other.waiting + other.running,
                other.done,
                other.failed,
            )
        assert (before.status, before.results, before.failure, before.started_s, before.ended_s) == (
            after.status,
            after.results,
            after.failure,
            after.started_s,
            after.ended_s,
        )
        assert before.map_results == after.map_results
    assert live.node_table == restored.node_table
    assert live.blacklist == restored.blacklist
    assert live.max_failure_rate == restored.max_failure_rate
