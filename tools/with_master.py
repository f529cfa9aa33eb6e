"""Runs a command with a master of its own on free ports, whose URL is in the variable DISCO_MASTER.

tools/with_master.py COMMAND [ARGUMENT ...]        the exit status is the command's
"""

from __future__ import annotations

import subprocess
import sys

from disco.local import LocalMaster


def main(command: list[str]) -> int:
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    with LocalMaster() as master:
        return subprocess.call(command, env={**master.environment, "DISCO_MASTER": master.url})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
