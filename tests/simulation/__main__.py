"""Run seeds of the simulation: `python -m simulation --seed 7`, `python -m simulation --seeds 0:1000`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from simulation.mutants import MUTANTS
from simulation.plan import SIZES
from simulation.runs import Failure, run_seed

from disco_master.core.master import Core


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="one seed")
    parser.add_argument("--seeds", default="0:200", help="FIRST:END (default 0:200)")
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--journal", choices=("rows", "file"), help="default: the real file for every tenth")
    parser.add_argument("--mutant", choices=sorted(m.__name__ for m in MUTANTS), help="a core with this bug")
    parser.add_argument("--trace", action="store_true", help="print what happens")
    options = parser.parse_args(arguments)
    first, end = map(int, options.seeds.split(":"))
    seeds = range(first, end) if options.seed is None else (options.seed,)
    core = next((mutant for mutant in MUTANTS if mutant.__name__ == options.mutant), Core)
    failed, events, start = 0, 0, time.monotonic()
    for seed in seeds:
        try:
            world = run_seed(seed, options.size, core, journal=options.journal, trace=options.trace)
            events += world.events
        except Failure as failure:
            failed += 1
            print(failure, flush=True)
    took = time.monotonic() - start
    print(f"{len(seeds)} seeds, {failed} failed, {events} events, {took:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
