#!/usr/bin/env python3
"""The reference master with one fault: `mutant_master.py NAME PACK`, or `--list`. The table is in
master_faults/."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import reference_master
from master_faults import FAULTS, load


def main(arguments):
    load()
    if arguments == ["--list"]:
        for name in sorted(FAULTS):
            print(f"{name}\t{FAULTS[name][0]}")
        return 0
    name, *paths = arguments
    FAULTS[name][1](reference_master)
    return reference_master.main(paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
