"""What a run of the simulation is made of: how large the world is, and which faults may strike it.

Everything follows from the seed: the cluster, the jobs, the faults and their times. A *mix* is drawn for each
seed, so that some runs know only one kind of fault and others all of them at once.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

FAULTS = (
    "crash",  # a node's process ends, and comes back as a new generation
    "cut",  # a node goes on working, but nothing gets through until the link is healed
    "slow",  # everything takes many times as long on a node
    "full",  # a node's disk is full: nothing can be written
    "wipe",  # a node comes back without what it held
    "bad",  # everything fails on a node, at once
    "late",  # what a node says arrives late, or twice
    "lost",  # an order to a node, or its answer, is lost with its link
    "restart",  # the master is killed at any instant, and started again from its journal
    "admin",  # blacklists, tables, kills, purges, settings
    "flaky",  # some attempts fail for no reason
)
POISONS = (
    "same",  # fails with the same message wherever it runs
    "ever",  # fails with another message each time
    "fatal",
    "killer",  # brings its node down
    "stuck",  # never ends (only in jobs with a task_timeout)
)


@dataclass(frozen=True)
class Size:
    nodes: int
    slots: int
    jobs: int
    tasks: int  # of one job, at most
    reduces: int
    horizon_s: float  # faults and submissions end here
    faults: int  # how many there are until then
    every: int = 1  # the costly checks are made at every so many events


SIZES = {
    "small": Size(6, 3, 5, 20, 4, 240.0, 18),
    "medium": Size(40, 4, 8, 250, 12, 400.0, 40, every=50),
    "large": Size(1000, 4, 5, 20_000, 40, 900.0, 150, every=5000),
}


@dataclass(frozen=True)
class Plan:
    seed: int
    size: Size
    mix: tuple[str, ...]
    scheduler: str
    keeps: bool  # whether nodes go on working while the master is away, and hand over what they have
    poison: float  # the part of the jobs that hold a poisonous task
    table: bool  # whether the nodes are rows of a table, or come by themselves
    faults: list[tuple[float, str]] = field(default_factory=list)


def make_plan(seed: int, size: str = "small") -> Plan:
    rng = random.Random(f"plan {seed}")
    chosen = SIZES[size]
    if size == "small":
        chosen = replace(chosen, nodes=rng.randint(1, chosen.nodes), jobs=rng.randint(1, chosen.jobs))
    mix = tuple(fault for fault in FAULTS if rng.random() < rng.choice((0.2, 0.5, 0.9)))
    faults = [(rng.uniform(0, chosen.horizon_s), rng.choice(mix)) for _ in range(chosen.faults) if mix]
    return Plan(
        seed,
        chosen,
        mix,
        scheduler=rng.choice(("fair", "fair", "fifo")),
        keeps=rng.random() < 0.5,
        poison=rng.choice((0.0, 0.0, 0.3)),
        table=rng.random() < 0.5,
        faults=sorted(faults),
    )


def calm(plan: Plan) -> Plan:
    """The same cluster and jobs without faults."""
    return replace(plan, mix=(), faults=[], poison=0.0)
