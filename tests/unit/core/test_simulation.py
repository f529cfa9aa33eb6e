"""Seeds × faults: the invariants hold after every event, and every job ends (M12, M176, W1-W3)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
from unit.core.simulation import World, assert_same_jobs

from disco_master.actions import Kill
from disco_master.events import OutputsLost
from disco_master.model import JobStatus

SEEDS = range(40)
STEPS = 500

DIGEST = """
import sys
sys.path[:0] = {path!r}
from unit.core.test_simulation import digest
print(digest(7))
"""


def digest(seed: int) -> str:
    """Of all orders of a run."""
    world = World(seed)
    world.run(STEPS)
    return hashlib.sha256(repr(world.orders).encode()).hexdigest()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_job_ends_once_the_faults_stop(seed: int) -> None:
    world = World(seed, patience=0.9 if seed % 2 else 0.0)
    world.run(STEPS)
    world.settle()
    assert world.view().jobs


@pytest.mark.parametrize("seed", range(5))
def test_without_faults_every_job_gets_ready(seed: int) -> None:
    world = World(seed, faults=False)
    world.run(STEPS)
    world.settle()
    jobs = world.view().jobs.values()
    assert all(job.status is JobStatus.READY or "forced to be" in job.failure for job in jobs)
    assert world.completions > 5


@pytest.mark.parametrize("seed", range(10))
def test_the_journal_gives_the_same_jobs_as_the_life_that_wrote_it(seed: int) -> None:
    """M11, W1: at any time, and nothing in it hangs on where tasks were placed."""
    world = World(seed)
    for _ in range(10):
        world.run(STEPS // 10)
        restored = world.restored()
        assert restored.resume(world.now)
        assert_same_jobs(world.view(), restored.snapshot())


def test_the_runs_do_contain_what_they_are_about() -> None:
    """W3: outputs are lost with their nodes, reduces finish all the same, and some jobs die."""
    lost = reduces = killed = 0
    statuses: dict[JobStatus, int] = {}
    for seed in range(10):
        world = World(seed, patience=0.9)
        world.run(STEPS)
        world.settle()
        killed += sum(isinstance(order, Kill) for order in world.orders)
        lost += sum(isinstance(record.event, OutputsLost) for record in world.journal)
        reduces += world.completions
        for job in world.view().jobs.values():
            statuses[job.status] = statuses.get(job.status, 0) + 1
    assert lost >= 10
    assert killed >= 5
    assert reduces >= 50
    assert statuses[JobStatus.READY] >= 50
    assert statuses[JobStatus.DEAD] >= 5


def test_the_same_events_give_the_same_orders_in_every_process() -> None:
    """No set is iterated, no clock read: two processes that hash differently agree."""
    digests = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST.format(path=[path for path in sys.path if path])],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.append(run.stdout)
    assert digests[0] == digests[1]
