"""Starts a Python worker so that a debugger in it reaches the user's terminal.

A worker's own three streams belong to the protocol. So whoever replays a task hands its terminal over as two
further file descriptors, named in DISCO_TERMINAL, and every debugger that a task opens, be it by
`breakpoint()` or by `pdb.set_trace()`, reads and writes there.

Run as a program, with the worker's file as its argument; it imports nothing of Disco, whose modules the job
home brings.
"""

import os
import sys


def give_terminal(reading: int, writing: int) -> None:
    """Let debuggers read and write these descriptors."""
    import pdb

    stdin = os.fdopen(reading, "r", closefd=False)
    stdout = os.fdopen(writing, "w", buffering=1, closefd=False)

    class TerminalPdb(pdb.Pdb):
        def __init__(self, *args: object, **options: object) -> None:
            options.update(stdin=stdin, stdout=stdout)
            super().__init__(*args, **options)  # type: ignore[arg-type]
            self.use_rawinput = False

    pdb.Pdb = TerminalPdb  # type: ignore[misc]


def main() -> None:
    worker = sys.argv[1]
    sys.argv[:] = [worker]
    sys.path[0] = os.path.dirname(worker)  # noqa: PTH120 - nothing more is to be imported than has to be
    reading, writing = map(int, os.environ.pop("DISCO_TERMINAL").split(","))
    give_terminal(reading, writing)
    import runpy

    runpy.run_path(worker, run_name="__main__")


if __name__ == "__main__":
    main()
