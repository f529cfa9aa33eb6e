"""What the pure core costs a task as jobs grow, and what a big one weighs: no process, no disk."""

from __future__ import annotations

import time
import tracemalloc

from disco_master.actions import Launch
from disco_master.core.master import Core
from disco_master.events import AttemptEnded, JobSubmitted, NodeTableSaved, NodeUp
from disco_master.model import AttemptEnd, JobSpec, Outcome

from .rounds import Row

SMALL, LARGE = 1_000, 20_000
REPEATS = 5
DONE = AttemptEnd(Outcome.DONE)


def run_job(core: Core, name: str, tasks: int) -> None:
    """Submit a map-only job and end every task as soon as it is launched."""
    inputs = tuple((f"raw://{number}",) for number in range(tasks))
    spec = JobSpec(name, "cost", "bench", "worker", inputs, has_map=True, has_reduce=False, nr_reduces=0)
    waiting = core.handle(JobSubmitted(spec), 0.0)
    while launches := [action for action in waiting if isinstance(action, Launch)]:
        waiting = []
        for launch in launches:
            spec_ = launch.spec
            ended = AttemptEnded(spec_.attempt, name, spec_.mode, spec_.task, launch.node, DONE)
            waiting += core.handle(ended, 0.0)
        core.snapshot()


def core_with_a_node() -> Core:
    core = Core(seed=1)
    core.resume(0.0)
    core.handle(NodeTableSaved((("localhost", "2"),)), 0.0)
    core.handle(NodeUp("localhost", 1, 2), 0.0)
    return core


def cost_per_task_s(tasks: int) -> float:
    """The best of a few runs: what the work takes when nothing gets in its way."""
    best = float("inf")
    for _ in range(REPEATS):
        core = core_with_a_node()
        start = time.perf_counter()
        run_job(core, "cost@1:2:3", tasks)
        best = min(best, time.perf_counter() - start)
    return best / tasks


def memory_mb(tasks: int) -> float:
    """Peak of what the core allocates for one job of `tasks` tasks."""
    tracemalloc.start()
    run_job(core_with_a_node(), "memory@1:2:3", tasks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def flat_cost() -> list[Row]:
    small, large = cost_per_task_s(SMALL), cost_per_task_s(LARGE)
    return [
        Row(
            f"core: cost of a task, {LARGE} tasks against {SMALL}",
            large * 1e6, small * 1e6, "µs", large / small, at_most=1.3,
        ),
        Row("core: peak memory of 50000 tasks", memory_mb(50_000), None, "MB", None, at_most=300.0),
    ]  # fmt: skip
