"""The master may be killed at any instant: every committed prefix of its journal gives a master that ends
every job with the same results (M11, W1, W2).
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.ledger import File, Ledger, Rows
from simulation.plan import Plan, calm, make_plan
from simulation.world import START_S, World

from disco_master.core.master import Core
from disco_master.model import JobStatus


def plan_of(seed: int, restarts: int) -> Plan:
    """A world whose only fault is that its master dies, that often."""
    rng = random.Random(f"restarts {seed}")
    plan = calm(make_plan(seed))
    faults = sorted((rng.uniform(0, plan.size.horizon_s), "restart") for _ in range(restarts))
    return replace(plan, mix=("restart",) if restarts else (), faults=faults)


def results(world: World) -> dict[str, tuple[JobStatus, int]]:
    """What each job came to: its status, and how many tasks are in its results (`Books` checks which)."""
    return {name: (view.status, view.map.done + view.reduce.done) for name, view in world.books.ended.items()}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_a_life_with_crashes_ends_like_one_without(seed: int, restarts: int) -> None:
    quiet, rough = World(plan_of(seed, 0)), World(plan_of(seed, restarts))
    quiet.run()
    rough.run()
    assert results(quiet) == results(rough)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_real_journal_gives_the_same_life_as_its_encoding_in_memory(seed: int, tmp_path: Path) -> None:
    """Compaction of the file drops nothing that a restart needs."""
    lives = []
    for ledger in (Rows(), File(tmp_path / "journal.db")):
        world = World(plan_of(seed, 6), ledger=ledger, trace=True)
        world.run()
        ledger.close()
        lives.append(world.trace)
        assert world.master.crashes >= 1
    assert lives[0] == lives[1]


def restarted(ledger: Ledger, plan: Plan) -> Core:
    core = Core(1, scheduler="fair" if plan.scheduler == "fair" else "fifo")
    for event, now in ledger.replay():
        core.restore(event, now)
    core.resume(START_S)
    return core


@pytest.mark.parametrize("seed", range(6))
def test_every_prefix_of_the_journal_is_a_state_to_go_on_from(seed: int) -> None:
    """At each record, not just at each commit: what was done stays done, what has ended has ended."""
    plan = make_plan(seed)
    ledger = Rows()
    World(plan, ledger=ledger).run()
    whole, done = ledger.rows, {}
    for length in range(len(whole) + 1):
        prefix = Rows()
        prefix.rows = whole[:length]
        jobs = restarted(prefix, plan).snapshot().jobs
        lost = length and whole[length - 1][1] in ("OutputsLost", "JobCleaned")
        for name, view in jobs.items():
            before = done.get(name, 0)
            count = view.map.done + view.reduce.done
            assert count >= before or lost or view.status is not JobStatus.ACTIVE, (name, length)
            done[name] = count
