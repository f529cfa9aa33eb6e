"""Seeds × faults: the invariants hold after every event, and every job ends.

M12, M176, M181, M184, M185, M192, W1-W3, W11, W15, W16, W21.

A failing seed prints the command that replays it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from simulation.books import Violation
from simulation.plan import FAULTS, calm, make_plan
from simulation.runs import replay_command, run_seed
from simulation.world import World

from disco_master.model import JobStatus

BATCH = 10
FAST = range(0, 80, BATCH)
SLOW = range(80, 200, BATCH)
TESTS = Path(__file__).resolve().parents[1]


def run_batch(first: int, count: int = BATCH, size: str = "small") -> None:
    for seed in range(first, first + count):
        run_seed(seed, size)


@pytest.mark.parametrize("first", FAST)
def test_no_invariant_is_broken(first: int) -> None:
    run_batch(first)


@pytest.mark.slow
@pytest.mark.parametrize("first", SLOW)
def test_no_invariant_is_broken_by_more_seeds(first: int) -> None:
    run_batch(first)


@pytest.mark.slow
def test_no_invariant_is_broken_in_larger_clusters() -> None:
    """40 nodes, jobs of hundreds of tasks."""
    run_batch(0, 3, "medium")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(0, 10_000, 500))
def test_ten_thousand_seeds(first: int) -> None:
    run_batch(first, 500)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(50))
def test_fifty_clusters_of_forty_nodes(seed: int) -> None:
    run_seed(seed, "medium")


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_nodes_and_a_hundred_thousand_tasks(seed: int) -> None:
    """M14."""
    run_seed(seed, "large")


@pytest.mark.parametrize("seed", range(5))
def test_without_faults_every_job_gets_ready(seed: int) -> None:
    world = World(calm(make_plan(seed)))
    world.run()
    core = world.master.core
    assert core is not None
    jobs = core.snapshot().jobs.values()
    assert jobs
    assert all(job.status is JobStatus.READY or "forced to be" in job.failure for job in jobs)
    assert not any(job.map.failed + job.reduce.failed for job in jobs)


def test_the_runs_do_contain_what_they_are_about() -> None:
    """Every fault strikes; outputs are lost, attempts adopted, backups started; and jobs end both ways."""
    worlds = [run_seed(seed, journal="rows") for seed in range(40)]
    struck = {kind for world in worlds for kind in world.chaos.struck}
    assert struck == set(FAULTS)
    assert sum(world.master.crashes for world in worlds) >= 20
    for count in ("launches", "local", "completions", "adopted", "lost"):
        assert sum(getattr(world.books, count) for world in worlds) >= 20, count
    assert sum(world.books.backups for world in worlds) >= 3
    ended = [view.status for world in worlds for view in world.books.ended.values()]
    assert ended.count(JobStatus.READY) >= 40
    assert ended.count(JobStatus.DEAD) >= 5


def test_a_failing_seed_names_the_command_that_replays_it() -> None:
    """The command, as it is printed, finds the same violation in a process of its own."""
    command = replay_command(1, "small") + " --mutant PausesNeverEnd"
    words = [sys.executable if word == "python" else word for word in command.split() if "=" not in word]
    settings = dict(word.split("=") for word in command.split() if "=" in word)
    runs = [
        subprocess.run(
            words, env=settings | {"PYTHONHASHSEED": seed}, cwd=TESTS.parent, capture_output=True, text=True
        )
        for seed in ("0", "1")
    ]
    assert [run.returncode for run in runs] == [1, 1], runs[0].stderr
    first, other = (run.stdout.partition(" seeds,")[0] for run in runs)
    assert first == other
    assert Violation.__name__ in first
    assert "waits for ever" in first
    assert command.removesuffix(" --mutant PausesNeverEnd") in first
