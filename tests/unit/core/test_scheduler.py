"""Who gets a slot, and what a decision costs (M181, M182, M107, M681)."""

from __future__ import annotations

from collections import Counter

import pytest

from disco_master.actions import Action, Launch
from disco_master.core.master import Core
from disco_master.core.scheduling.scheduler import Kind
from disco_master.events import AttemptEnded, JobSubmitted, NodeUp
from disco_master.model import AttemptEnd, JobSpec, JobStatus, Outcome, SchedulerOptions

DONE = AttemptEnd(Outcome.DONE)


def spec(name: str, tasks: int, max_cores: int = 2**31) -> JobSpec:
    inputs = tuple((f"disco://n{i % 10}/{i}",) for i in range(tasks))
    options = SchedulerOptions(max_cores=max_cores)
    return JobSpec(name, name, "me", "worker", inputs, True, False, 0, options)


class Feed:
    """Ends attempts in the order of their launch."""

    def __init__(self, kind: Kind = "fair", nodes: int = 10, slots: int = 4) -> None:
        self.core = Core(scheduler=kind)
        self.running: list[Launch] = []
        for i in range(nodes):
            self.take(self.core.handle(NodeUp(f"n{i}", 1, slots), 0.0))

    def take(self, actions: list[Action]) -> None:
        self.running += [action for action in actions if isinstance(action, Launch)]

    def submit(self, job: JobSpec) -> None:
        self.take(self.core.handle(JobSubmitted(job), 0.0))

    def end_one(self, index: int = 0) -> None:
        launch = self.running.pop(index)
        s = launch.spec
        self.take(self.core.handle(AttemptEnded(s.attempt, s.job, s.mode, s.task, launch.node, DONE), 0.0))

    def shares(self) -> Counter[str]:
        return Counter(launch.spec.job for launch in self.running)


def test_fair_jobs_get_equal_shares() -> None:
    """M181: also those that come late, as slots become free."""
    feed = Feed(nodes=3)
    for name in "abc":
        feed.submit(spec(name, 100))
    for _ in range(30):
        feed.end_one()
    assert feed.shares() == {"a": 4, "b": 4, "c": 4}


def test_one_slot_goes_round() -> None:
    feed = Feed(nodes=1, slots=1)
    for name in "abc":
        feed.submit(spec(name, 10))
    order = []
    for _ in range(9):
        order.append(feed.running[0].spec.job)
        feed.end_one()
    assert order == list("abc") * 3


def test_fifo_serves_the_oldest() -> None:
    """M182"""
    feed = Feed("fifo", nodes=2)
    for name in "ab":
        feed.submit(spec(name, 12))
    for _ in range(4):
        feed.end_one()
    assert feed.shares() == {"a": 8}
    feed.end_one()
    assert feed.shares() == {"a": 7, "b": 1}


@pytest.mark.parametrize("limit", [1, 7, 40, 41])
def test_max_cores_is_a_limit_on_running_tasks(limit: int) -> None:
    """M107"""
    feed = Feed()
    feed.submit(spec("a", 100, max_cores=limit))
    for _ in range(20):
        assert feed.shares()["a"] == min(limit, 40)
        feed.end_one()


def test_tasks_run_where_their_input_lies() -> None:
    """M6, W15"""
    feed = Feed()
    feed.submit(spec("a", 1000))
    local = 0
    for _ in range(900):
        launch = feed.running[0]
        local += launch.spec.inputs[0].urls[0].startswith(f"disco://{launch.node}/")
        feed.end_one()
    assert local == 900


def cost(tasks: int) -> float:
    """Jobs looked at for each task, and every task is placed."""
    feed = Feed()
    feed.submit(spec("other", 10, max_cores=1))
    feed.submit(spec("a", tasks))
    while feed.running:
        feed.end_one()
    jobs = feed.core.snapshot().jobs.values()
    assert all(job.status is JobStatus.READY for job in jobs)
    return feed.core._board.scheduler.steps / tasks


def test_the_cost_of_a_task_does_not_grow_with_the_job() -> None:
    """M681: in looks at jobs, which is what could grow; the time is measured by the benchmark."""
    few, many = cost(1_000), cost(5_000)
    assert many <= few * 1.3
    assert many < 3


def test_jobs_that_can_not_run_cost_nothing() -> None:
    feed = Feed(nodes=1, slots=2)
    for i in range(200):
        feed.submit(spec(f"idle{i}", 1, max_cores=1))
    feed.submit(spec("a", 50))
    before = feed.core._board.scheduler.steps
    for _ in range(100):
        feed.end_one()
    assert feed.core._board.scheduler.steps - before <= 101
