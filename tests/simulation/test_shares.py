"""Shares and locality over time, on a virtual clock without faults (M181, M182, M183, W15, W16)."""

from __future__ import annotations

import cProfile
import pstats
from collections import deque
from collections.abc import Callable

import pytest
from simulation.clock import Clock
from simulation.scale import Feed

from disco_master.actions import Action, Kill, Launch
from disco_master.core.master import Core
from disco_master.core.scheduling.scheduler import Kind
from disco_master.events import AttemptEnded, JobSubmitted, NodeUp, Tick
from disco_master.model import AttemptEnd, JobSpec, JobStatus, Outcome, SchedulerOptions

DONE = AttemptEnd(Outcome.DONE)


class Cluster:
    """`seconds` gives the length of an attempt. `share` sums up the slot-seconds that each job has had."""

    def __init__(
        self, nodes: int, slots: int, seconds: Callable[[Launch], float], kind: Kind = "fair"
    ) -> None:
        self.core, self.clock = Core(1, scheduler=kind), Clock(0.0)
        self.seconds = seconds
        self.running: dict[int, tuple[Launch, float]] = {}
        self.share: dict[str, float] = {}
        self.launches: list[Launch] = []
        self.kills = 0
        for i in range(nodes):
            self._take(self.core.handle(NodeUp(f"n{i}", 1, slots), 0.0))

    def submit(self, name: str, tasks: int, options: SchedulerOptions = SchedulerOptions()) -> None:  # noqa: B008
        inputs = tuple((f"raw://{i}",) for i in range(tasks))
        spec = JobSpec(name, name, "me", "worker", inputs, True, False, 0, options)
        self._take(self.core.handle(JobSubmitted(spec), self.clock.now))

    def run(self, until: float) -> None:
        while (coming := self.clock.next_s()) is not None and coming <= until:
            due = self.core.next_deadline()
            if due is not None and due < coming:
                self.clock.now = due
                self._take(self.core.handle(Tick(), due))
            else:
                self.clock.step()
        for launch, since in self.running.values():
            self._account(launch, since, until)
        self.running = {number: (launch, until) for number, (launch, _) in self.running.items()}
        self.clock.now = until

    def _take(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Launch):
                self.launches.append(action)
                self.running[action.spec.attempt] = (action, self.clock.now)
                self.clock.after(self.seconds(action), self._end, action, DONE)
            elif isinstance(action, Kill):
                self.kills += 1
                launch, _ = self.running[action.attempt]
                self.clock.after(0.01, self._end, launch, AttemptEnd(Outcome.KILLED))

    def _end(self, launch: Launch, end: AttemptEnd) -> None:
        spec = launch.spec
        if spec.attempt in self.running:
            self._account(launch, self.running.pop(spec.attempt)[1], self.clock.now)
            event = AttemptEnded(spec.attempt, spec.job, spec.mode, spec.task, launch.node, end)
            self._take(self.core.handle(event, self.clock.now))

    def _account(self, launch: Launch, since: float, until: float) -> None:
        job = launch.spec.job
        self.share[job] = self.share.get(job, 0.0) + until - since


def test_shares_of_jobs_with_tasks_of_any_length_become_equal() -> None:
    """One job's tasks take ten times as long as another's: each has a third of the cluster all the same."""
    lengths = {"short": 1.0, "middle": 3.0, "long": 10.0}
    cluster = Cluster(4, 3, lambda launch: lengths[launch.spec.job])
    for name in lengths:
        cluster.submit(name, 3000)
    cluster.run(300.0)
    shares = [cluster.share[name] / (12 * 300.0) for name in lengths]
    assert sum(shares) == pytest.approx(1.0)
    assert all(abs(share - 1 / 3) < 0.05 for share in shares), shares


def test_a_long_job_gives_way_to_one_that_comes_later() -> None:
    """M181: it has the whole cluster; as its tasks end the newcomer gets every slot until it has its half."""
    cluster = Cluster(4, 3, lambda launch: 10.0 if launch.spec.job == "long" else 1.0)
    cluster.submit("long", 3000)
    cluster.run(25.0)
    cluster.submit("new", 200)
    cluster.share = {}
    cluster.run(31.0)
    running = [launch.spec.job for launch, _ in cluster.running.values()]
    assert running.count("new") == 6
    cluster.share = {}
    cluster.run(60.0)
    assert cluster.share["new"] == pytest.approx(cluster.share["long"], rel=0.25)
    assert cluster.core.snapshot().jobs["new"].status is JobStatus.ACTIVE


def test_fifo_serves_the_oldest_while_it_has_tasks() -> None:
    """M182"""
    cluster = Cluster(4, 3, lambda launch: 1.0, "fifo")
    cluster.submit("old", 120)
    cluster.submit("new", 120)
    cluster.run(9.5)
    assert "new" not in cluster.share
    cluster.run(20.0)
    assert cluster.share["new"] == pytest.approx(120.0)


def test_a_backup_saves_the_job_from_a_slow_node() -> None:
    """W16: with backups the end of the phase waits for no slow node; without (the default) it does."""
    ends = []
    for backups in (False, True):
        cluster = Cluster(4, 3, lambda launch: 200.0 if launch.node == "n0" else 10.0)
        cluster.submit("job", 40, SchedulerOptions(backup_tasks=backups))
        while cluster.core.snapshot().jobs["job"].map.done < 40:
            cluster.run(cluster.clock.now + 1.0)
        ends.append(cluster.clock.now)
        assert cluster.kills == (3 if backups else 0)
        assert cluster.core.snapshot().jobs["job"].map.done == 40
    assert ends[0] >= 200.0
    assert ends[1] <= 70.0


def test_nearly_all_tasks_run_next_to_their_input() -> None:
    """M183, M6: three replicas each on a hundred nodes, one job and four at once."""
    for jobs in (1, 4):
        feed = Feed(100)
        for i in range(jobs):
            feed.submit(f"job{i}", 4000 // jobs)
        feed.run()
        assert feed.launches == 4000
        assert feed.local / feed.launches > 0.95, jobs


def calls_per_decision(nodes: int, tasks: int) -> float:
    """Function calls, not time: the same on every machine."""
    feed = Feed(nodes)
    feed.submit("one", tasks)
    feed.submit("other", tasks)
    profile = cProfile.Profile()
    profile.enable()
    feed.run(1000)
    profile.disable()
    return pstats.Stats(profile).total_calls / 1000  # type: ignore[attr-defined]


def test_a_decision_costs_the_same_in_a_cluster_of_any_size() -> None:
    """M681, W15: of 20 nodes and 500 tasks, of 2000 nodes and 20,000 tasks."""
    small, large = calls_per_decision(20, 1500), calls_per_decision(2000, 10_000)
    assert large < 1.3 * small
    assert small < 600


def test_a_node_that_joins_a_waiting_job_costs_little() -> None:
    """M184: the tasks next to it move; the others stay where they are."""
    feed = Feed(1)
    feed._nodes = 1000
    feed.submit("job", 5000)
    profile = cProfile.Profile()
    profile.enable()
    for i in range(1, 500):
        feed.tell(NodeUp(f"n{i}", 1, 1))
    profile.disable()
    assert pstats.Stats(profile).total_calls / 500 < 3000  # type: ignore[attr-defined]
    assert feed.local / feed.launches > 0.95
    assert deque(feed.flying)
