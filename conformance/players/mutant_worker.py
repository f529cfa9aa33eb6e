#!/usr/bin/env python3
"""The reference worker with one fault: `mutant_worker.py --fault NAME`, or `--list`.

A conformance case counts only after it was seen to fail. Each fault is a mistake that somebody made or
could make, and changes the reference worker in one place; the table is in faults/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import reference_worker
from faults import FAULTS, load


def main(arguments):
    load()
    if arguments == ["--list"]:
        for name in sorted(FAULTS):
            print(f"{name}\t{FAULTS[name].sentence}")
        return 0
    if len(arguments) != 2 or arguments[0] != "--fault" or arguments[1] not in FAULTS:
        print(
            f"usage: mutant_worker.py --list | --fault NAME; unknown: {' '.join(arguments)}", file=sys.stderr
        )
        return 2
    FAULTS[arguments[1]].apply(reference_worker)
    return reference_worker.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
