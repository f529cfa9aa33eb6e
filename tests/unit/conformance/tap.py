"""Stands between the harness and a worker and keeps all that crosses: `tap.py FILE COMMAND…`.

The file has blocks `SIDE LENGTH SECONDS LF bytes`, in the order in which they came, and `. 0 SECONDS LF` when
the worker has ended.
"""

import os
import select
import subprocess
import sys
import time


def main(path: str, *command: str) -> int:
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    )
    assert worker.stdin is not None and worker.stdout is not None
    theirs = worker.stdout.fileno()
    watched = [0, theirs]
    with open(path, "wb") as log:  # noqa: PTH123
        while theirs in watched:
            for end in select.select(watched, [], [])[0]:
                data = os.read(end, 1 << 16)
                side = b"M" if end == 0 else b"W"
                log.write(b"%s %d %.3f\n" % (side, len(data), time.monotonic()) + data)
                if not data:
                    watched.remove(end)
                    if end == 0:
                        worker.stdin.close()
                elif end == theirs:
                    os.write(2, data)
                else:
                    try:
                        worker.stdin.write(data)
                    except BrokenPipeError:
                        watched.remove(end)
        status = worker.wait()
        log.write(b". 0 %.3f\n" % time.monotonic())
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
