"""Estimates pi by throwing darts at a square: the inputs are seeds, and each map task throws its own.

python pi.py [TASKS [DARTS]]
"""

import sys

from disco.core import Job, result_iterator
from disco.worker.classic.func import sum_reduce


class DartThrower(Job):
    params = None  # darts a task
    reduce = staticmethod(sum_reduce)

    @staticmethod
    def map(seed, darts):
        from random import Random

        throw = Random(int(seed)).random
        inside = sum(throw() ** 2 + throw() ** 2 <= 1 for _ in range(darts))
        yield "inside", inside
        yield "thrown", darts


def estimate(tasks=8, darts=100_000):
    """pi, of so many map tasks that throw so many darts each; the same numbers give the same estimate."""
    job = DartThrower().run(input=[f"raw://{seed}" for seed in range(tasks)], params=darts)
    counts = dict(result_iterator(job.wait()))
    job.purge()
    return 4 * counts["inside"] / counts["thrown"]


if __name__ == "__main__":
    from pi import estimate

    print(estimate(*map(int, sys.argv[1:])))
