"""The same seed gives the same orders in every process: no set is iterated, no clock is read."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from simulation.plan import make_plan
from simulation.world import World

SEEDS = (7, 30)
PROGRAM = """
import sys
sys.path[:0] = {path!r}
from simulation.test_determinism import digest
print(digest())
"""


def digest() -> str:
    """Of everything that happens in some runs."""
    found = hashlib.sha256()
    for seed in SEEDS:
        world = World(make_plan(seed), trace=True)
        world.run()
        found.update("\n".join(world.trace or ()).encode())
    return found.hexdigest()


def test_two_processes_that_hash_differently_agree() -> None:
    program = PROGRAM.format(path=[path for path in sys.path if path])
    digests = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert digests == [digest()] * 2
