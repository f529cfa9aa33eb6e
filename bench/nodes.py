"""What a cluster costs: the Dask engine on 1, 2 and 3 nodes of this machine against the local engine.

The nodes share this machine's cores, so nothing is won by having more: what more nodes cost is seen alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from disco.core import Disco
from disco.local import LocalMaster

from .measure import PROGRAMS
from .rounds import Row, compare, run_program
from .texts import text_files

BOXES = (1, 2, 3)
JOIN_TIMEOUT_S = 60.0


class Nodes:
    def __init__(self, folder: Path, master: LocalMaster, rounds: int, scale: float) -> None:
        self.folder, self.master, self.rounds, self.scale = folder, master, rounds, scale

    def rows(self) -> list[Row]:
        return [row for nodes in BOXES for row in self._box(nodes)]

    def _box(self, nodes: int) -> list[Row]:
        count = int(2000 * self.scale)
        files = text_files(self.folder, int(100 * self.scale), 8)
        shown = f"{nodes} box node{'s' if nodes > 1 else ''} against the local engine"
        goal = 1.3 if nodes == 1 else None
        with LocalMaster(DISCO_NODES=nodes) as box:
            await_nodes(box, nodes)
            words = [run_on(one, "disco_wordcount.py", "combiner", *files)() for one in (box, self.master)]
            assert sorted(words[0].splitlines()) == sorted(words[1].splitlines())
            return [
                compare(
                    f"word count of {100 * self.scale:g} MB, {shown}",
                    run_on(box, "disco_wordcount.py", "combiner", *files),
                    run_on(self.master, "disco_wordcount.py", "combiner", *files),
                    self.rounds,
                    goal,
                ),
                compare(
                    f"{count} trivial Python tasks, {shown}",
                    run_on(box, "disco_tasks.py", count),
                    run_on(self.master, "disco_tasks.py", count),
                    self.rounds,
                    None,
                ),
            ]


def run_on(master: LocalMaster, program: str, *args: object) -> Callable[[], str]:
    command = [sys.executable, PROGRAMS / program, *map(str, args)]
    return lambda: run_program(command, env=master.environment)


def await_nodes(master: LocalMaster, nodes: int) -> None:
    disco = Disco(settings=master.settings)
    give_up_s = time.monotonic() + JOIN_TIMEOUT_S
    while sum(bool(about["connected"]) for about in disco.nodeinfo().values()) < nodes:
        if time.monotonic() > give_up_s:
            sys.exit(f"the {nodes} nodes of the box are not connected after {JOIN_TIMEOUT_S:g} s")
        time.sleep(0.05)
