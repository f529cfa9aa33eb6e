"""The jobs of a world, and what is wrong with some of their tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from simulation.plan import POISONS, Plan

from disco_master.model import JobSpec, Mode, SchedulerOptions, TaskSpec

FAST_S = (0.5, 8.0)


@dataclass
class SimJob:
    spec: JobSpec
    base_s: float  # how long its tasks take, more or less
    poison: str = ""
    poisoned: dict[tuple[Mode, int], None] = field(default_factory=dict)
    is_acknowledged: bool = False
    is_cleaned: bool = False

    def seconds(self, rng: random.Random) -> float:
        return self.base_s * rng.uniform(0.5, 1.5)

    def poison_of(self, spec: TaskSpec) -> str:
        return self.poison if (spec.mode, spec.task) in self.poisoned else ""

    def is_stuck(self, spec: TaskSpec) -> bool:
        return self.poison_of(spec) == "stuck"

    @property
    def is_healthy(self) -> bool:
        return not self.poison


def make_job(number: int, plan: Plan, nodes: list[str], rng: random.Random) -> SimJob:
    name = f"job@{number}"
    size = plan.size
    count = rng.randint(0, size.tasks) if size.tasks < 100 else rng.randint(size.tasks // 2, size.tasks)
    inputs = tuple(_input(name, i, nodes, rng) for i in range(count))
    near = all(urls[0].startswith("disco") for urls in inputs)
    force_local = near and rng.random() < 0.2
    has_map = rng.random() < 0.8
    poison = rng.choice(POISONS) if rng.random() < plan.poison else ""
    options = SchedulerOptions(
        max_cores=rng.choice((1, 2, 2**31, 2**31)) if size.tasks < 100 else 2**31,
        force_local=force_local,
        force_remote=not force_local and rng.random() < 0.1 and len(nodes) > 4,
        max_failures=rng.choice((None, None, 20, 30 if poison else 1000)),
        max_job_failures=rng.choice((None, None, 200)),
        backup_tasks=rng.random() < 0.4,
        task_timeout_s=rng.choice((60, 120)) if poison == "stuck" else None,
    )
    has_reduce = not has_map or rng.random() < 0.7
    spec = JobSpec(
        name, "job", "me", "worker", inputs, has_map, has_reduce, rng.randint(1, size.reduces), options
    )
    job = SimJob(spec, rng.uniform(*FAST_S), poison)
    if poison and count:
        mode = Mode.MAP if has_map else Mode.REDUCE
        tasks = count if has_map else spec.nr_reduces
        job.poisoned = {(mode, rng.randrange(tasks)): None for _ in range(rng.randint(1, 2))}
    return job


def _input(name: str, number: int, nodes: list[str], rng: random.Random) -> tuple[str, ...]:
    chance = rng.random()
    if chance < 0.75:
        replicas = min(len(nodes), rng.randint(1, 3))
        return tuple(f"disco://{node}/{name}/{number}" for node in rng.sample(nodes, replicas))
    return (f"raw://{number}",) if chance < 0.9 else (f"http://elsewhere.example/{number}",)
