"""Runs of seeds, and what to do when one fails: the command that replays it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from simulation.ledger import File, Ledger, Rows
from simulation.plan import make_plan
from simulation.world import World

from disco_master.core.master import Core

FILE_EVERY = 10  # the seeds whose journal is the real file


class Failure(AssertionError):
    """A seed broke an invariant. The text ends with the command that replays it."""


def replay_command(seed: int, size: str) -> str:
    return f"PYTHONPATH=tests PYTHONHASHSEED=0 python -m simulation --seed {seed} --size {size}"


def run_seed(
    seed: int,
    size: str = "small",
    core: type[Core] = Core,
    *,
    journal: str | None = None,
    trace: bool = False,
) -> World:
    """Raises Failure."""
    kind = journal or ("file" if seed % FILE_EVERY == 0 and size == "small" else "rows")
    with tempfile.TemporaryDirectory() as folder:
        ledger: Ledger = File(Path(folder) / "journal.db") if kind == "file" else Rows()
        plan = make_plan(seed, size)
        world = World(plan, core, ledger, trace=trace)
        try:
            world.run()
        except Exception as error:
            text = f"seed {seed} ({size}; {', '.join(plan.mix)}): {type(error).__name__}: {error}"
            raise Failure(f"{text}\n  replay: {replay_command(seed, size)}") from error
        finally:
            ledger.close()
            if trace:
                sys.stdout.writelines(line + "\n" for line in world.trace or ())
    return world
