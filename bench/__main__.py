"""python -m bench [--rounds N] [--scale X] [wordcount join tasks push master languages nodes]"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from disco.local import LocalMaster

from .languages import Languages
from .master_cost import flat_cost
from .measure import Bench
from .nodes import Nodes
from .rounds import Row, report

# of a developer's shell: they cost a program with many modules, or one that prints much, more than another
SLOWING_SETTINGS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is the size that the goals speak of")
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    for name in SLOWING_SETTINGS:
        os.environ.pop(name, None)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, LocalMaster() as master:
        measures = Bench(Path(folder), master, options.rounds, options.scale).all()
        measures["master"] = flat_cost
        measures["languages"] = Languages(Path(folder), master, options.rounds, options.scale).rows
        measures["nodes"] = Nodes(Path(folder), master, options.rounds, options.scale).rows
        unknown = set(options.names) - set(measures)
        if unknown:
            parser.error(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(measures)}")
        for name in options.names or measures:
            print(f"measuring {name} …", file=sys.stderr)
            rows += measures[name]()
    report(rows, options.json)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
